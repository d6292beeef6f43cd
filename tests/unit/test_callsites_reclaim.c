/* test_callsites_reclaim.c -- numbers without a live block, freed and given to
   other stacks. */

#include "callsites_rig.h"

#include "base/barrier.h"
#include "base/sys.h"
#include "books/callsite_table.h"
#include "runner.h"

enum
{
  PART = RIG_CAP / 32,
  SCARCE = 28 * PART /* from here on */
};

static void
setup(void)
{
  ck_assert_int_eq(dm_callsites_init(RIG_CAP), 0);
  ck_assert(dm_barrier_init());
  dm_callsites_generation = 1;
}

static uint32_t
in_use(void)
{
  return dm_callsites_figures().in_use;
}

/* Allocates and frees one block at each of the stacks FROM up to TO. */
static void
come_and_go(unsigned from, unsigned to)
{
  for (unsigned i = from; i < to; i++)
    release(0, allocate(0, i));
}

static void
assert_sums(uint32_t callsite, int64_t allocations, int64_t frees, int64_t live)
{
  sum_ledgers();
  struct sums sums = sums_of(callsite);
  ck_assert_int_eq(sums.allocations, allocations);
  ck_assert_int_eq(sums.frees, frees);
  ck_assert_int_eq(sums.allocated - sums.freed, live);
}

START_TEST(nothing_while_there_is_room)
{
  come_and_go(0, RIG_CAP / 2 - 1);
  ck_assert_uint_eq(reclaim(), 0);
  ck_assert_uint_eq(sums_made, 0);
  ck_assert_uint_eq(dm_callsites_generation, 1);
}
END_TEST

/* Between half and three quarters each has a round's time to be used again. */
START_TEST(what_is_used_stays)
{
  come_and_go(0, SCARCE - 1);
  ck_assert_uint_eq(reclaim(), 0);
  ck_assert_uint_eq(dm_callsites_generation, 2);
  come_and_go(100, 200);
  ck_assert_uint_eq(reclaim(), SCARCE - 1 - 100);
  for (unsigned i = 100; i < 200; i++)
    ck_assert_uint_eq(find_stack(i), i + 1);
  ck_assert_uint_eq(in_use(), 100);
  ck_assert_uint_eq(dm_callsites_figures().reclaimed, SCARCE - 1 - 100);
}
END_TEST

/* Where room is scarce, what came once goes at once; what came twice does not.
 */
START_TEST(what_came_once_goes_at_once)
{
  come_and_go(0, SCARCE);
  come_and_go(50, 60);
  ck_assert_uint_eq(reclaim(), SCARCE - 10);
  for (unsigned i = 50; i < 60; i++)
    ck_assert_uint_eq(find_stack(i), i + 1);
}
END_TEST

START_TEST(live_blocks_keep_their_callsites)
{
  struct block kept[100];
  for (unsigned i = 0; i < 100; i++)
    kept[i] = allocate(i % RIG_THREADS, 1000 + i);
  for (unsigned round = 0; round < 50; round++)
  {
    come_and_go(10000 * (round + 1), 10000 * (round + 1) + SCARCE);
    reclaim();
    /* Of the last hundred, what they share came more than once. */
    ck_assert_uint_ge(in_use(), 100);
    ck_assert_uint_le(in_use(), 200);
    for (unsigned i = 0; i < 100; i++)
    {
      ck_assert(is_stack(kept[i].callsite, 1000 + i));
      ck_assert_uint_eq(find_stack(1000 + i), kept[i].callsite);
      assert_sums(kept[i].callsite, 1, 0, 1000 + i);
    }
  }
}
END_TEST

/* No count is ever lost, and a successor begins at nothing. */
START_TEST(sums_go_on)
{
  int64_t made = 0, bytes = 0;
  for (unsigned round = 0; round < 20; round++)
  {
    for (unsigned i = round * 5000; i < round * 5000 + SCARCE; i++, made++)
    {
      struct block block = allocate(i % RIG_THREADS, i);
      release((i + 1) % RIG_THREADS, block);
      bytes += i;
      if (i % 500 == 0)
        assert_sums(block.callsite, 1, 1, 0);
    }
    reclaim();
    struct sums sum = sums_of_reclaimed();
    sum_ledgers();
    for (uint32_t i = 0; i <= dm_callsites_used(); i++)
    {
      sum.allocations += sums_of(i).allocations;
      sum.frees += sums_of(i).frees;
      sum.allocated += sums_of(i).allocated;
    }
    ck_assert_int_eq(sum.allocations, made);
    ck_assert_int_eq(sum.frees, made);
    ck_assert_int_eq(sum.allocated, bytes);
  }
}
END_TEST

/* Stacks of all lengths in turns, and the room for their frames is used again:
   at most twice that of the longest. */
START_TEST(frames_take_bounded_room)
{
  for (unsigned round = 0; round < 8; round++)
  {
    come_and_go(round * 5000, round * 5000 + SCARCE);
    reclaim();
  }
  size_t mapped = dm_sys_mapped_bytes();
  ck_assert_uint_le(mapped, RIG_CAP * (2 * DEEPEST * 8 + 64) + (4 << 20));
  for (unsigned round = 8; round < 50; round++)
  {
    come_and_go(round * 5000, round * 5000 + SCARCE);
    reclaim();
  }
  ck_assert_uint_le(dm_sys_mapped_bytes(), mapped + (2 << 20));
  ck_assert_uint_le(dm_callsites_used(), SCARCE + 1);
}
END_TEST

START_TEST(figures_follow)
{
  dm_frame frames[DEEPEST];
  for (unsigned i = 0; i < SCARCE; i++)
  {
    unsigned count = make_stack(i, frames);
    dm_callsites_find(frames, count, i % 4 == 0);
  }
  ck_assert_uint_eq(dm_callsites_cut(), SCARCE / 4);
  ck_assert_uint_eq(reclaim(), SCARCE);
  ck_assert_uint_eq(dm_callsites_cut(), 0);
  ck_assert_uint_eq(in_use(), 0);
}
END_TEST

/* --------------------------------------------------------------------------
   Without the barrier. */

static void
assert_nothing_is_reclaimed(void)
{
  come_and_go(0, SCARCE);
  for (unsigned round = 0; round < 3; round++)
  {
    ck_assert_uint_eq(reclaim(), 0);
    for (unsigned i = 0; i < SCARCE; i++)
    {
      ck_assert(!dm_callsite_is_withdrawn(i + 1));
      ck_assert_uint_eq(find_stack(i), i + 1);
    }
  }
  ck_assert_uint_eq(sums_made, 0);
}

START_TEST(the_kernel_has_no_barrier)
{
  ck_assert_int_eq(dm_callsites_init(RIG_CAP), 0);
  dm_sys_fail_after(1, false);
  ck_assert(!dm_barrier_init());
  assert_nothing_is_reclaimed();
}
END_TEST

START_TEST(the_barrier_fails)
{
  setup();
  dm_sys_fail_after(1, true);
  ck_assert(!dm_barrier());
  dm_sys_fail_after(0, false);
  ck_assert(dm_barrier());
  come_and_go(0, SCARCE);
  dm_sys_fail_after(1, true);
  ck_assert_uint_eq(reclaim(), 0);
  ck_assert_uint_eq(sums_made, 0);
  dm_sys_fail_after(0, false);
  for (unsigned i = 0; i < SCARCE; i++)
    ck_assert_uint_eq(find_stack(i), i + 1);
}
END_TEST

/* --------------------------------------------------------------------------
   In the middle of something. */

enum
{
  MINE = 7,
  NEXT = 100000
};

static void
find_mine(void)
{
  ck_assert_uint_eq(find_stack(MINE), MINE + 1);
}

/* A look-up while the reclaimer sums: the number stays. */
START_TEST(found_while_withdrawn)
{
  come_and_go(0, SCARCE);
  while_summing = find_mine;
  ck_assert_uint_eq(reclaim(), SCARCE - 1);
  find_mine();
  ck_assert(is_stack(MINE + 1, MINE));
}
END_TEST

static void
reclaim_now(void)
{
  reclaim();
}

/* An allocation has counted when the reclaimer sums: the number stays. */
START_TEST(counted_before_the_sum)
{
  come_and_go(0, SCARCE);
  before_second_look = reclaim_now;
  struct block block = allocate(1, MINE);
  ck_assert_uint_eq(block.callsite, MINE + 1);
  assert_sums(MINE + 1, 2, 1, MINE);
  ck_assert_uint_eq(find_stack(MINE), MINE + 1);
}
END_TEST

/* The number was found, then reclaimed and given to another stack with a live
   block, and only then counted for. */
static struct block successor;

static void
reclaim_and_reuse(void)
{
  ck_assert_uint_eq(reclaim(), SCARCE);
  for (unsigned i = NEXT;; i++)
  {
    successor = allocate(2, i);
    if (successor.callsite == MINE + 1)
      break;
  }
  release(2, successor);
  successor = allocate(2, successor.stack);
}

START_TEST(counted_for_the_successor)
{
  come_and_go(0, SCARCE);
  before_counting = reclaim_and_reuse;
  struct block block = allocate(1, MINE);
  ck_assert_uint_ne(block.callsite, MINE + 1);
  ck_assert_uint_eq(successor.callsite, MINE + 1);
  ck_assert(is_stack(block.callsite, MINE));
  ck_assert(is_stack(successor.callsite, successor.stack));
  assert_sums(block.callsite, 1, 0, MINE);
  assert_sums(successor.callsite, 2, 1, successor.stack);
}
END_TEST

/* The same, but in the end that number alone is free, and the stack gets it
   anew. */
static void
reclaim_twice(void)
{
  ck_assert_uint_eq(reclaim(), SCARCE);
  for (unsigned i = NEXT; in_use() < SCARCE; i++)
  {
    struct block block = allocate(2, i);
    if (block.callsite == MINE + 1)
      release(2, block);
  }
  ck_assert_uint_eq(reclaim(), 1);
}

START_TEST(counted_for_oneself)
{
  come_and_go(0, SCARCE);
  before_counting = reclaim_twice;
  struct block block = allocate(1, MINE);
  ck_assert_uint_eq(block.callsite, MINE + 1);
  ck_assert(is_stack(block.callsite, MINE));
  assert_sums(block.callsite, 1, 0, MINE);
}
END_TEST

/* --------------------------------------------------------------------------
   A round that was broken off by a fork. */

static void
set_state(uint32_t number, enum dm_entry_state state)
{
  dm_table.entries[number].word =
      dm_entry_word(dm_table.entries[number].word, state);
}

START_TEST(left_withdrawn)
{
  come_and_go(0, SCARCE);
  struct block block = allocate(0, 50);
  for (uint32_t i = 41; i <= 60; i++)
    set_state(i, DM_ENTRY_WITHDRAWN);
  ck_assert_uint_eq(find_stack(45), 46);
  ck_assert(!dm_callsite_is_withdrawn(46));
  reclaim();
  ck_assert_uint_eq(in_use(), 1);
  ck_assert(is_stack(block.callsite, 50));
  ck_assert_uint_eq(find_stack(50), 51);
}
END_TEST

START_TEST(left_dead)
{
  come_and_go(0, SCARCE);
  set_state(50, DM_ENTRY_DEAD);
  find_stack(49); /* shortened: it comes anew */
  uint32_t again = find_stack(49);
  ck_assert_uint_ne(again, 50);
  ck_assert(is_stack(again, 49));
  ck_assert_uint_eq(find_stack(49), again);
  ck_assert_uint_eq(in_use(), SCARCE + 2);
  ck_assert_uint_eq(reclaim(), SCARCE + 2);
  ck_assert_uint_eq(in_use(), 0);
  assert_sums(50, 0, 0, 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {nothing_while_there_is_room,
                                what_is_used_stays,
                                what_came_once_goes_at_once,
                                live_blocks_keep_their_callsites,
                                sums_go_on,
                                frames_take_bounded_room,
                                figures_follow,
                                found_while_withdrawn,
                                counted_before_the_sum,
                                counted_for_the_successor,
                                counted_for_oneself,
                                left_withdrawn,
                                left_dead,
                                NULL};
  const TTest *const bare[] = {the_kernel_has_no_barrier, the_barrier_fails,
                               NULL};
  Suite *suite = make_suite("callsites_reclaim", setup, tests);
  TCase *tcase = tcase_create("no barrier");
  for (const TTest *const *test = bare; *test; test++)
    tcase_add_test(tcase, *test);
  suite_add_tcase(suite, tcase);
  return run_suite(suite);
}
