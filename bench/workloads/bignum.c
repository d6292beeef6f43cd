/* bignum.c -- natural numbers as small heap blocks, see bignum.h.

   Division is Knuth's algorithm D (The Art of Computer Programming, volume 2,
   4.3.1) with digits of 16 bits.  */

#include "bignum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long dm_big_made;

static __attribute__((noinline)) struct big *
make(uint32_t size)
{
  struct big *a = malloc(sizeof *a + size * sizeof a->digits[0]);
  if (a == NULL)
  {
    fprintf(stderr, "bignum: out of memory\n");
    exit(1);
  }
  a->size = size;
  dm_big_made++;
  return a;
}

static struct big *
trim(struct big *a)
{
  while (a->size > 0 && a->digits[a->size - 1] == 0)
    a->size--;
  return a;
}

struct big *
dm_big_from(uint64_t value)
{
  struct big *a = make(4);
  for (int i = 0; i < 4; i++)
    a->digits[i] = (uint16_t) (value >> (16 * i));
  return trim(a);
}

struct big *
dm_big_copy(const struct big *a)
{
  struct big *copy = make(a->size);
  memcpy(copy->digits, a->digits, a->size * sizeof a->digits[0]);
  return copy;
}

void
dm_big_free(struct big *a)
{
  free(a);
}

struct big *
dm_big_parse(const char *text)
{
  struct big *a = dm_big_from(0), *ten = dm_big_from(10);
  for (; *text >= '0' && *text <= '9'; text++)
  {
    struct big *digit = dm_big_from((uint64_t) (*text - '0'));
    struct big *shifted = dm_big_multiply(a, ten);
    dm_big_free(a);
    a = dm_big_add(shifted, digit);
    dm_big_free(shifted);
    dm_big_free(digit);
  }
  dm_big_free(ten);
  return a;
}

struct big *
dm_big_add(const struct big *a, const struct big *b)
{
  if (a->size < b->size)
    return dm_big_add(b, a);
  struct big *sum = make(a->size + 1);
  uint32_t carry = 0;
  for (uint32_t i = 0; i < a->size; i++)
  {
    carry += (uint32_t) a->digits[i] + (i < b->size ? b->digits[i] : 0);
    sum->digits[i] = (uint16_t) carry;
    carry >>= 16;
  }
  sum->digits[a->size] = (uint16_t) carry;
  return trim(sum);
}

struct big *
dm_big_subtract(const struct big *a, const struct big *b)
{
  struct big *rest = make(a->size);
  int32_t borrow = 0;
  for (uint32_t i = 0; i < a->size; i++)
  {
    borrow += (int32_t) a->digits[i] - (i < b->size ? b->digits[i] : 0);
    rest->digits[i] = (uint16_t) borrow;
    borrow >>= 16;
  }
  return trim(rest);
}

struct big *
dm_big_multiply(const struct big *a, const struct big *b)
{
  struct big *product = make(a->size + b->size);
  memset(product->digits, 0, product->size * sizeof product->digits[0]);
  for (uint32_t i = 0; i < a->size; i++)
  {
    uint32_t carry = 0;
    for (uint32_t j = 0; j < b->size; j++)
    {
      carry += (uint32_t) a->digits[i] * b->digits[j] + product->digits[i + j];
      product->digits[i + j] = (uint16_t) carry;
      carry >>= 16;
    }
    product->digits[i + b->size] = (uint16_t) carry;
  }
  return trim(product);
}

static struct big *
divide_digit(const struct big *a, uint16_t divisor, struct big **rest)
{
  struct big *quotient = make(a->size);
  uint32_t left = 0;
  for (uint32_t i = a->size; i-- > 0;)
  {
    left = left << 16 | a->digits[i];
    quotient->digits[i] = (uint16_t) (left / divisor);
    left %= divisor;
  }
  if (rest != NULL)
    *rest = dm_big_from(left);
  return trim(quotient);
}

/* A shifted left by BITS, below 16, into a number of one digit more, which is
   not trimmed.  */
static struct big *
shifted(const struct big *a, int bits)
{
  struct big *b = make(a->size + 1);
  uint32_t carry = 0;
  for (uint32_t i = 0; i < a->size; i++)
  {
    carry |= (uint32_t) a->digits[i] << bits;
    b->digits[i] = (uint16_t) carry;
    carry >>= 16;
  }
  b->digits[a->size] = (uint16_t) carry;
  return b;
}

/* Take Q times B's SIZE digits from TOP, as algorithm D's steps D4 to D6 do,
   and return the digit that Q should have been.  */
static uint16_t
take_multiple(uint16_t *top, const struct big *b, uint32_t size, uint32_t q)
{
  int64_t borrow = 0;
  for (uint32_t i = 0; i < size; i++)
  {
    borrow += (int64_t) top[i] - (int64_t) q * b->digits[i];
    top[i] = (uint16_t) borrow;
    borrow >>= 16;
  }
  borrow += top[size];
  top[size] = (uint16_t) borrow;
  if (borrow >= 0)
    return (uint16_t) q;
  uint32_t carry = 0;
  for (uint32_t i = 0; i < size; i++)
  {
    carry += (uint32_t) top[i] + b->digits[i];
    top[i] = (uint16_t) carry;
    carry >>= 16;
  }
  top[size] = (uint16_t) (top[size] + carry);
  return (uint16_t) (q - 1);
}

struct big *
dm_big_divide(const struct big *a, const struct big *b, struct big **rest)
{
  if (dm_big_compare(a, b) < 0)
  {
    if (rest != NULL)
      *rest = dm_big_copy(a);
    return dm_big_from(0);
  }
  if (b->size == 1)
    return divide_digit(a, b->digits[0], rest);
  uint32_t n = b->size;
  int bits = __builtin_clz((uint32_t) b->digits[n - 1]) - 16;
  struct big *u = shifted(a, bits), *v = shifted(b, bits);
  struct big *quotient = make(a->size - n + 1);
  for (uint32_t j = a->size - n + 1; j-- > 0;)
  {
    uint32_t high = (uint32_t) u->digits[j + n] << 16 | u->digits[j + n - 1];
    uint32_t q = high / v->digits[n - 1], r = high % v->digits[n - 1];
    while (r <= 0xffff &&
           (q > 0xffff || (uint64_t) q * v->digits[n - 2] >
                              ((uint64_t) r << 16 | u->digits[j + n - 2])))
      q--, r += v->digits[n - 1];
    quotient->digits[j] = take_multiple(u->digits + j, v, n, q);
  }
  dm_big_free(v);
  if (rest != NULL)
  {
    for (uint32_t i = 0; i < n; i++)
      u->digits[i] =
          (uint16_t) (((uint32_t) u->digits[i + 1] << 16 | u->digits[i]) >>
                      bits);
    u->size = n;
    *rest = dm_big_copy(trim(u));
  }
  dm_big_free(u);
  return trim(quotient);
}

struct big *
dm_big_modulo(const struct big *a, const struct big *b)
{
  struct big *rest;
  dm_big_free(dm_big_divide(a, b, &rest));
  return rest;
}

struct big *
dm_big_gcd(const struct big *a, const struct big *b)
{
  struct big *x = dm_big_copy(a), *y = dm_big_copy(b);
  while (y->size > 0)
  {
    struct big *rest = dm_big_modulo(x, y);
    dm_big_free(x);
    x = y;
    y = rest;
  }
  dm_big_free(y);
  return x;
}

/* Newton's method from above.  */
struct big *
dm_big_root(const struct big *a)
{
  struct big *two = dm_big_from(2);
  struct big *x = make(a->size / 2 + 2);
  memset(x->digits, 0, x->size * sizeof x->digits[0]);
  x->digits[x->size - 1] = 1;
  for (;;)
  {
    struct big *quotient = dm_big_divide(a, x, NULL);
    struct big *sum = dm_big_add(quotient, x);
    struct big *next = dm_big_divide(sum, two, NULL);
    dm_big_free(quotient);
    dm_big_free(sum);
    if (dm_big_compare(next, x) >= 0)
    {
      dm_big_free(next);
      dm_big_free(two);
      return x;
    }
    dm_big_free(x);
    x = next;
  }
}

int
dm_big_compare(const struct big *a, const struct big *b)
{
  if (a->size != b->size)
    return a->size < b->size ? -1 : 1;
  for (uint32_t i = a->size; i-- > 0;)
    if (a->digits[i] != b->digits[i])
      return a->digits[i] < b->digits[i] ? -1 : 1;
  return 0;
}

uint64_t
dm_big_value(const struct big *a)
{
  uint64_t value = 0;
  for (uint32_t i = a->size; i-- > 0;)
    value = value << 16 | a->digits[i];
  return value;
}

void
dm_big_print(const struct big *a, char *text, uint32_t size)
{
  struct big *left = dm_big_copy(a);
  uint32_t length = 0;
  do
  {
    struct big *rest, *quotient = divide_digit(left, 10, &rest);
    text[length++] = (char) ('0' + dm_big_value(rest));
    dm_big_free(rest);
    dm_big_free(left);
    left = quotient;
  } while (left->size > 0 && length + 1 < size);
  dm_big_free(left);
  text[length] = '\0';
  for (uint32_t i = 0; i < length / 2; i++)
  {
    char digit = text[i];
    text[i] = text[length - 1 - i];
    text[length - 1 - i] = digit;
  }
}
