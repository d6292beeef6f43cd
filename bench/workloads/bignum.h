/* bignum.h -- natural numbers as small heap blocks.

   Every result is a new block, as in programs that treat numbers as values;
   that is the load, so nothing here is done in place.  A number is freed by
   whoever got it.  None of this checks for lack of memory beyond exiting.  */

#ifndef DM_BENCH_BIGNUM_H
#define DM_BENCH_BIGNUM_H

#include <stdbool.h>
#include <stdint.h>

/* SIZE digits of 16 bits, least significant first, no leading zero digit;
   zero has no digits.  */
struct big
{
  uint32_t size;
  uint16_t digits[];
};

/* The blocks made since the start.  */
extern long dm_big_made;

/* New numbers: VALUE itself, the decimal TEXT, a copy.  */
struct big *dm_big_from(uint64_t value);
struct big *dm_big_parse(const char *text);
struct big *dm_big_copy(const struct big *a);
void dm_big_free(struct big *a);

/* A + B, A - B (A must not be less), A * B, and A / B with the remainder in
 *REST unless REST is NULL.  B must not be zero in a division.  */
struct big *dm_big_add(const struct big *a, const struct big *b);
struct big *dm_big_subtract(const struct big *a, const struct big *b);
struct big *dm_big_multiply(const struct big *a, const struct big *b);
struct big *dm_big_divide(const struct big *a, const struct big *b,
                          struct big **rest);

/* A mod B, the greatest common divisor, and the largest number whose square is
   not above A.  */
struct big *dm_big_modulo(const struct big *a, const struct big *b);
struct big *dm_big_gcd(const struct big *a, const struct big *b);
struct big *dm_big_root(const struct big *a);

/* -1, 0 or 1 as A is below, equal to or above B.  */
int dm_big_compare(const struct big *a, const struct big *b);

/* A's value, which must be below 2^64; and A in decimal digits, at most
   SIZE - 1 of them, in TEXT.  */
uint64_t dm_big_value(const struct big *a);
void dm_big_print(const struct big *a, char *text, uint32_t size);

#endif
