/* factor.c -- factoring by continued fractions with tiny heap bignums.

   The method of Morrison and Brillhart ("A method of factoring and the
   factorization of F7", Mathematics of Computation 29, 1975): the convergents
   A/B of the square root of N give A^2 = +-Q (mod N) with small Q.  Those Q
   that factor over a base of small primes are multiplied together until a
   square comes out.  Nearly all its time goes into numbers of a few digits
   that live for microseconds: the heaviest churn of tiny blocks there is.  */

#include "bignum.h"
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  BASE = 191,          /* primes; the first column is the sign */
  WIDTH = BASE + 1,    /* columns of the matrix */
  RELATIONS = BASE + 9 /* rows; nine more than columns are enough */
};

/* One relation: ROOT^2 = (-1)^power[0] * product of the base's primes to their
   powers, modulo N.  ROWS says which relations were multiplied into it.  */
struct relation
{
  struct big *root;
  uint8_t power[WIDTH];
  uint64_t odd[WIDTH / 64 + 1];
  uint64_t rows[RELATIONS / 64 + 1];
};

static struct relation relations[RELATIONS];
static uint64_t base[WIDTH];
static struct big *big_base[WIDTH];
static int found;

static bool
bit(const uint64_t *bits, int i)
{
  return bits[i / 64] >> (i % 64) & 1;
}

/* N^((p-1)/2) mod p by repeated squaring: 1 for the primes that can divide a
   Q.  */
static bool
is_residue(const struct big *n, uint64_t p)
{
  struct big *modulus = dm_big_from(p), *rest = dm_big_modulo(n, modulus);
  uint64_t square = dm_big_value(rest), result = 1;
  for (uint64_t e = (p - 1) / 2; e > 0; e /= 2)
  {
    if (e & 1)
      result = result * square % p;
    square = square * square % p;
  }
  dm_big_free(modulus);
  dm_big_free(rest);
  return result == 1 || p == 2;
}

static void
choose_base(const struct big *n)
{
  int chosen = 1;
  for (uint64_t p = 2; chosen < WIDTH; p++)
  {
    bool prime = true;
    for (uint64_t d = 2; d * d <= p && prime; d++)
      prime = p % d != 0;
    if (prime && is_residue(n, p))
    {
      base[chosen] = p;
      big_base[chosen++] = dm_big_from(p);
    }
  }
}

/* Divide the primes out of Q; true when nothing but 1 is left.  */
static bool
factor_over_base(const struct big *q, uint8_t *power)
{
  struct big *left = dm_big_copy(q);
  for (int i = 1; i < WIDTH; i++)
    for (;;)
    {
      struct big *rest, *part = dm_big_divide(left, big_base[i], &rest);
      bool divides = rest->size == 0;
      dm_big_free(rest);
      dm_big_free(divides ? left : part);
      if (!divides)
        break;
      left = part;
      power[i]++;
    }
  bool smooth = left->size == 1 && left->digits[0] == 1;
  dm_big_free(left);
  return smooth;
}

static void
add_relation(const struct big *root, const struct big *q, bool negative)
{
  struct relation *r = &relations[found];
  memset(r, 0, sizeof *r);
  if (!factor_over_base(q, r->power))
    return;
  r->power[0] = negative;
  r->root = dm_big_copy(root);
  for (int i = 0; i < WIDTH; i++)
    r->odd[i / 64] |= (uint64_t) (r->power[i] & 1) << (i % 64);
  r->rows[found / 64] |= 1ull << (found % 64);
  found++;
}

static void
move(struct big **to, struct big *from)
{
  dm_big_free(*to);
  *to = from;
}

/* A * B + C, all modulo N.  */
static struct big *
multiply_add(const struct big *a, const struct big *b, const struct big *c,
             const struct big *n)
{
  struct big *product = dm_big_multiply(a, b);
  struct big *sum = dm_big_add(product, c);
  struct big *rest = dm_big_modulo(sum, n);
  dm_big_free(product);
  dm_big_free(sum);
  return rest;
}

/* Expand the square root of KN until there are enough relations modulo N, or
   the expansion has run for STEPS.  The recurrences are those of the paper:
   P' = a Q - P, Q' = Q_before + a (P - P'), A' = a A + A_before.  */
static void
collect(const struct big *n, const struct big *kn, long steps)
{
  struct big *root = dm_big_root(kn), *p = dm_big_copy(root);
  struct big *square = dm_big_multiply(root, root);
  struct big *q_before = dm_big_from(1), *q = dm_big_subtract(kn, square);
  struct big *a_before = dm_big_from(1), *a = dm_big_modulo(root, n);
  dm_big_free(square);
  for (long i = 1; i <= steps && found < RELATIONS && q->size > 0; i++)
  {
    add_relation(a, q, i & 1);
    struct big *sum = dm_big_add(root, p);
    struct big *term = dm_big_divide(sum, q, NULL);
    struct big *product = dm_big_multiply(term, q);
    struct big *p_next = dm_big_subtract(product, p);
    struct big *square_next = dm_big_multiply(p_next, p_next);
    struct big *gap = dm_big_subtract(kn, square_next);
    struct big *q_next = dm_big_divide(gap, q, NULL);
    struct big *a_next = multiply_add(term, a, a_before, n);
    dm_big_free(sum);
    dm_big_free(term);
    dm_big_free(product);
    dm_big_free(square_next);
    dm_big_free(gap);
    move(&p, p_next);
    move(&q_before, q);
    q = q_next;
    move(&a_before, a);
    a = a_next;
  }
  struct big *ends[] = {root, p, q_before, q, a_before, a};
  for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++)
    dm_big_free(ends[i]);
}

/* Multiply the relations in ROWS and try gcd (product of roots - square root
   of product, N).  A proper factor, or NULL.  */
static struct big *
try_square(const uint64_t *rows, const struct big *n)
{
  struct big *x = dm_big_from(1), *y = dm_big_from(1);
  struct big *zero = dm_big_from(0), *factor = NULL;
  long power[WIDTH] = {0};
  for (int r = 0; r < found; r++)
    if (bit(rows, r))
    {
      move(&x, multiply_add(x, relations[r].root, zero, n));
      for (int i = 0; i < WIDTH; i++)
        power[i] += relations[r].power[i];
    }
  for (int i = 1; i < WIDTH; i++)
    for (long e = 0; e < power[i] / 2; e++)
      move(&y, multiply_add(y, big_base[i], zero, n));
  bool above = dm_big_compare(x, y) > 0;
  struct big *gap = above ? dm_big_subtract(x, y) : dm_big_subtract(y, x);
  struct big *gcd = dm_big_gcd(gap, n);
  bool proper =
      dm_big_compare(gcd, n) < 0 && !(gcd->size == 1 && gcd->digits[0] == 1);
  if (proper)
    factor = dm_big_copy(gcd);
  dm_big_free(gcd);
  dm_big_free(gap);
  dm_big_free(x);
  dm_big_free(y);
  dm_big_free(zero);
  return factor;
}

/* Gauss over two elements: each column's first row is added to the others that
   have it and then emptied, so each row that still names relations is a
   square.  */
static struct big *
eliminate(const struct big *n)
{
  for (int column = 0; column < WIDTH; column++)
  {
    int pivot = 0;
    while (pivot < found && !bit(relations[pivot].odd, column))
      pivot++;
    if (pivot == found)
      continue;
    for (int r = pivot + 1; r < found; r++)
      if (bit(relations[r].odd, column))
      {
        for (unsigned w = 0; w < WIDTH / 64 + 1; w++)
          relations[r].odd[w] ^= relations[pivot].odd[w];
        for (unsigned w = 0; w < RELATIONS / 64 + 1; w++)
          relations[r].rows[w] ^= relations[pivot].rows[w];
      }
    memset(relations[pivot].odd, 0, sizeof relations[pivot].odd);
    memset(relations[pivot].rows, 0, sizeof relations[pivot].rows);
  }
  for (int r = 0; r < found; r++)
  {
    bool names_any = false;
    for (unsigned w = 0; w < RELATIONS / 64 + 1; w++)
      names_any = names_any || relations[r].rows[w] != 0;
    struct big *factor = names_any ? try_square(relations[r].rows, n) : NULL;
    if (factor != NULL)
      return factor;
  }
  return NULL;
}

static bool
factor(const char *text)
{
  struct big *n = dm_big_parse(text), *result = NULL;
  for (uint64_t k = 1; k < 50 && result == NULL; k++)
  {
    struct big *multiplier = dm_big_from(k);
    struct big *kn = dm_big_multiply(n, multiplier);
    found = 0;
    choose_base(kn);
    collect(n, kn, 400000);
    result = eliminate(n);
    for (int i = 0; i < found; i++)
      dm_big_free(relations[i].root);
    for (int i = 1; i < WIDTH; i++)
      dm_big_free(big_base[i]);
    dm_big_free(multiplier);
    dm_big_free(kn);
  }
  char one[64] = "none", other[64] = "none";
  if (result != NULL)
  {
    struct big *rest, *cofactor = dm_big_divide(n, result, &rest);
    dm_big_print(result, one, sizeof one);
    dm_big_print(cofactor, other, sizeof other);
    dm_big_free(cofactor);
    dm_big_free(rest);
    dm_big_free(result);
  }
  dm_big_free(n);
  printf("%s = %s * %s\n", text, one, other);
  return strcmp(one, "none") != 0;
}

static long numbers = 16;

static const struct dm_option options[] = {
    {"numbers", &numbers, "numbers to factor; eight take turns"},
    {NULL, NULL, NULL}};

/* Products of two random primes of 37 bits.  */
static const char *const products[8] = {
    "10424721708718299727649", "10314022201360426345469",
    "10295097291360203743373", "9264003834129999194197",
    "18515073156409251930971", "9934952292902789998231",
    "6631930986039936271837",  "9024569020743625164209"};

int
main(int argc, char **argv)
{
  dm_workload_options(argc, argv, options);
  struct dm_clock start = dm_workload_now();
  bool all = true;
  for (long i = 0; i < numbers; i++)
    all = factor(products[i % 8]) && all;
  dm_workload_report("factor", dm_big_made, start);
  return all ? 0 : 1;
}
