/* test_chain.c -- hashes of sequences that grow and shrink at one end. */

#include "base/chain.h"

#include "runner.h"

enum
{
  LENGTH = 100
};
static uint64_t values[LENGTH];

static void
setup(void)
{
  unsigned long state = 1;
  for (unsigned i = 0; i < LENGTH; i++)
    values[i] = next_random(&state) % 8; /* many that are equal */
}

/* The chain of the COUNT values from FIRST on. */
static uint64_t
chain(unsigned first, unsigned count)
{
  uint64_t sum = 0;
  for (unsigned i = first; i < first + count; i++)
    sum = dm_chain_add(sum, values[i]);
  return sum;
}

START_TEST(the_last_values_have_a_chain_of_their_own)
{
  for (unsigned before = 0; before < LENGTH; before++)
    for (unsigned count = 0; before + count <= LENGTH; count++)
      ck_assert_uint_eq(
          dm_chain_last(chain(0, before + count), chain(0, before), count),
          chain(before, count));
}
END_TEST

/* One value changed, in each place, by each bit; two exchanged. */
START_TEST(what_differs_has_another_chain)
{
  uint64_t whole = chain(0, LENGTH);
  for (unsigned i = 0; i < LENGTH; i++)
  {
    uint64_t former = values[i];
    for (unsigned bit = 0; bit < 64; bit++)
    {
      values[i] = former ^ UINT64_C(1) << bit;
      ck_assert_uint_ne(chain(0, LENGTH), whole);
    }
    values[i] = former;
    for (unsigned j = 0; j < i; j++)
    {
      if (values[j] == former)
        continue;
      values[i] = values[j];
      values[j] = former;
      ck_assert_uint_ne(chain(0, LENGTH), whole);
      values[j] = values[i];
      values[i] = former;
    }
  }
  ck_assert_uint_eq(chain(0, LENGTH), whole);
}
END_TEST

/* Sequences as stacks are: of few values, of every length up to 8. By chance two
   in 2^64 would be the same, whichever half is looked at two in 2^32. */
START_TEST(short_sequences_do_not_collide)
{
  enum
  {
    KINDS = 4,
    SEQUENCES = 87380 /* 4 + 4^2 + ... + 4^8 */
  };
  static uint32_t seen[2][1 << 20];
  unsigned collisions[2] = {0, 0}, made = 0;
  for (unsigned count = 1; count <= 8; count++)
    for (unsigned number = 0; number < 1u << 2 * count; number++, made++)
    {
      uint64_t sum = 0;
      for (unsigned i = 0; i < count; i++)
        sum = dm_chain_add(sum, number >> 2 * i & (KINDS - 1));
      for (unsigned half = 0; half < 2; half++)
      {
        uint32_t part = (uint32_t) (sum >> 32 * half) | 1;
        uint32_t *place = &seen[half][part >> 12];
        collisions[half] += *place == part;
        *place = part;
      }
    }
  ck_assert_uint_eq(made, SEQUENCES);
  ck_assert_uint_le(collisions[0], 20); /* some 2 are to be expected */
  ck_assert_uint_le(collisions[1], 20);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {the_last_values_have_a_chain_of_their_own,
                                what_differs_has_another_chain,
                                short_sequences_do_not_collide, NULL};
  return run_suite(make_suite("chain", setup, tests));
}
