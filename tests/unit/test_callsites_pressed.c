/* test_callsites_pressed.c -- what is given up when room gets scarce, step by
   step. */

#include "callsites_rig.h"

#include <string.h>

#include "base/sys.h"
#include "books/doorkeeper.h"
#include "runner.h"

enum
{
  PART = RIG_CAP / 32
};

static void
setup(void)
{
  ck_assert_int_eq(dm_callsites_init(RIG_CAP), 0);
}

/* Stacks of 64 frames: DIFFERENT of those differ from stack to stack, from the
   outermost on. */
static uint32_t
find_deep(unsigned number, unsigned different)
{
  dm_frame frames[DEEPEST];
  for (unsigned i = 0; i < DEEPEST; i++)
    frames[i] =
        0x500000 + i + (i >= DEEPEST - different ? (dm_frame) number << 24 : 0);
  return dm_callsites_find(frames, DEEPEST, false);
}

static unsigned
length_of(uint32_t number)
{
  unsigned count;
  dm_callsite_frames(number, &count);
  return count;
}

/* Fills the table to so many parts with stacks that come twice, all
   different, from START on. */
static void
fill(unsigned start, unsigned parts)
{
  for (unsigned i = start;
       dm_callsites_figures().in_use < parts * PART; i++)
    for (unsigned times = 0; times < 8; times++)
      find_deep(i, DEEPEST);
}

START_TEST(recursion_is_folded_from_half_on)
{
  dm_frame frames[DEEPEST];
  for (unsigned i = 0; i < DEEPEST; i++)
    frames[i] = 0x600000 + (i % 2);
  uint32_t whole = dm_callsites_find(frames, 40, false);
  ck_assert_uint_eq(length_of(whole), 40);
  fill(0, 24);
  ck_assert(dm_callsites_pressed());
  ck_assert_uint_eq(dm_callsites_find(frames, 40, false), whole);
  uint32_t folded = dm_callsites_find(frames, 42, false);
  ck_assert_uint_eq(length_of(folded), 4);
  ck_assert_uint_eq(dm_callsite_how(folded), DM_CALLSITE_FOLDED);
  for (unsigned count = 10; count < DEEPEST; count += 2)
    if (count != 40)
      ck_assert_uint_eq(dm_callsites_find(frames, count, false), folded);
  /* What had no more than that to begin with is another callsite. */
  uint32_t plain = dm_callsites_find(frames, 4, false);
  ck_assert_uint_ne(plain, folded);
  ck_assert_uint_eq(dm_callsite_how(plain), 0);
  uint32_t cut = dm_callsites_find(frames, 42, true);
  ck_assert_uint_eq(dm_callsite_how(cut), DM_CALLSITE_FOLDED | DM_CALLSITE_CUT);
  ck_assert_uint_eq(dm_callsites_figures().folded, 2);
  ck_assert_uint_eq(dm_callsites_cut(), 1);
  ck_assert(!dm_callsites_may_improve(folded));
}
END_TEST

START_TEST(a_stack_that_comes_again_is_recorded_in_full)
{
  fill(0, 28);
  uint32_t before = dm_callsites_figures().in_use;
  /* Alike in their 8 innermost frames: one number for all. */
  uint32_t shared = find_deep(100000, 20);
  ck_assert_uint_eq(length_of(shared), 8);
  ck_assert_uint_eq(dm_callsite_how(shared), DM_CALLSITE_SHORTENED);
  ck_assert(dm_callsites_may_improve(shared));
  for (unsigned i = 1; i < 100; i++)
    ck_assert_uint_eq(find_deep(100000 + i, 20), shared);
  ck_assert_uint_eq(dm_callsites_figures().in_use, before + 1);
  /* Again. */
  unsigned whole = 0;
  for (unsigned i = 0; i < 100; i++)
  {
    uint32_t number = find_deep(100000 + i, 20);
    whole += length_of(number) == DEEPEST;
    if (length_of(number) == DEEPEST)
    {
      ck_assert(!dm_callsites_may_improve(number));
      ck_assert_uint_eq(find_deep(100000 + i, 20), number);
    }
  }
  ck_assert_uint_gt(whole, 90); /* some marks were overwritten */
  ck_assert_uint_eq(dm_callsites_figures().shortened, 1);
}
END_TEST

/* The nearer the end, the oftener it must come. */
START_TEST(how_often_a_stack_must_come)
{
  static const unsigned times[] = {1, 2, 4, 8};
  for (unsigned step = 0; step < 4; step++)
  {
    fill(10000 * step, 27 + step);
    unsigned came = 1;
    while (length_of(find_deep(500000 + step, DEEPEST)) != DEEPEST)
      came++;
    ck_assert_uint_eq(came, times[step]);
  }
}
END_TEST

/* All steps down, each with the room that callsites.h says. */
START_TEST(the_steps_down)
{
  unsigned seen[DEEPEST + 1] = {0};
  unsigned other = 0, number = 0;
  for (; number < 20 * RIG_CAP; number++)
  {
    uint32_t site = find_deep(number, DEEPEST);
    seen[length_of(site)]++;
    other += site == DM_CALLSITE_OTHER;
  }
  /* (A mark that is taken for another's makes a stack come again.) */
  ck_assert_uint_ge(seen[DEEPEST], 28 * PART);
  ck_assert_uint_le(seen[DEEPEST], 28 * PART + 10);
  ck_assert_uint_ge(seen[8], PART - 10);
  ck_assert_uint_le(seen[8], PART);
  ck_assert_uint_ge(seen[4], PART - 10);
  ck_assert_uint_le(seen[4], PART);
  ck_assert_uint_ge(seen[1], 2 * PART - 10);
  ck_assert_uint_le(seen[1], 2 * PART);
  ck_assert_uint_eq(seen[0], other);
  ck_assert_uint_eq(dm_callsites_used(), RIG_CAP);
  struct dm_callsites_figures figures = dm_callsites_figures();
  ck_assert_uint_eq(figures.in_use, RIG_CAP);
  ck_assert_uint_eq(figures.shortened, seen[8] + seen[4]);
  ck_assert_uint_eq(figures.callers, seen[1]);
  ck_assert_uint_eq(figures.nameless, other);
  /* What is known is found in full, whatever else there is no room for. */
  for (unsigned i = 0; i < 28 * PART; i++)
    ck_assert_uint_eq(length_of(find_deep(i, DEEPEST)), DEEPEST);
}
END_TEST

START_TEST(callers_have_room_of_their_own)
{
  fill(0, 31);
  uint32_t before = dm_callsites_figures().callers;
  for (unsigned i = 0; i < 2; i++)
  {
    uint32_t site = find_deep(200000, DEEPEST);
    ck_assert_uint_eq(length_of(site), 1);
    /* Nothing better is to be had now: it may be remembered. */
    ck_assert(!dm_callsites_may_improve(site));
  }
  ck_assert_uint_eq(dm_callsites_figures().callers, before + 1);
}
END_TEST

/* Many stacks that come once, and ten that come now and then. Five of them
   were there early, and are always found in full; the others come first when
   the table is long under pressure, and are soon recorded in full. */
START_TEST(a_storm_and_ten)
{
  enum
  {
    STORM = 250000,
    EVERY = 100,
    TEN = 10,
    EARLY = 5
  };
  unsigned whole[TEN] = {0}, came[TEN] = {0};
  for (unsigned i = 0; i < EARLY; i++)
    find_deep(STORM + i, 30);
  for (unsigned i = 0; i < STORM; i++)
  {
    find_deep(i, DEEPEST - 10 + i % 10);
    unsigned which = i / EVERY % TEN;
    if (i % EVERY != 0 || (which >= EARLY && i < STORM / 2))
      continue;
    came[which]++;
    whole[which] += length_of(find_deep(STORM + which, 30)) == DEEPEST;
  }
  for (unsigned i = 0; i < EARLY; i++)
    ck_assert_uint_eq(whole[i], came[i]);
  for (unsigned i = EARLY; i < TEN; i++)
    ck_assert_uint_ge(whole[i], came[i] / 2);
  ck_assert_uint_le(dm_callsites_used(), RIG_CAP);
}
END_TEST

/* Of those that come once nobody is known; what comes between them is counted.
 */
START_TEST(the_doorkeeper)
{
  ck_assert_int_eq(dm_doorkeeper_init(60000), 0);
  unsigned long random = 1;
  unsigned wrong = 0;
  for (unsigned i = 0; i < 300000; i++)
    wrong += dm_doorkeeper_count(next_random(&random)) > 1;
  ck_assert_uint_le(wrong, 3);
  for (unsigned i = 0; i < 1000000; i++)
  {
    dm_doorkeeper_count(next_random(&random));
    if (i % 10000 == 0)
      for (uint64_t often = 1; often <= 10; often++)
        dm_doorkeeper_count(often << 20 | often);
  }
  for (uint64_t often = 1; often <= 10; often++)
    ck_assert_uint_gt(dm_doorkeeper_count(often << 20 | often), 40);
  for (unsigned i = 0; i < 1000; i++)
    dm_doorkeeper_count(0);
  ck_assert_uint_eq(dm_doorkeeper_count(0), DM_DOORKEEPER_MOST);
}
END_TEST

START_TEST(without_memory_for_marks)
{
  dm_sys_fail_after(1, false);
  ck_assert_int_lt(dm_doorkeeper_init(1000), 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {recursion_is_folded_from_half_on,
                                a_stack_that_comes_again_is_recorded_in_full,
                                how_often_a_stack_must_come,
                                the_steps_down,
                                callers_have_room_of_their_own,
                                a_storm_and_ten,
                                the_doorkeeper,
                                without_memory_for_marks,
                                NULL};
  return run_suite(make_suite("callsites_pressed", setup, tests));
}
