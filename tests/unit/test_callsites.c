/* test_callsites.c -- the capped table: call stack -> small number. */

#include "books/callsites.h"

#include <pthread.h>
#include <string.h>

#include "base/sys.h"
#include "callsites_rig.h"
#include "runner.h"
#include "single_step.h"

START_TEST(the_same_stack_has_the_same_number)
{
  ck_assert_int_eq(dm_callsites_init(1000), 0);
  ck_assert_uint_eq(dm_callsites_cap(), 1000);
  ck_assert_uint_eq(dm_callsites_used(), 0);
  for (unsigned i = 0; i < 500; i++)
    ck_assert_uint_eq(find_stack(i), i + 1);
  for (unsigned i = 500; i-- > 0;)
    ck_assert_uint_eq(find_stack(i), i + 1);
  ck_assert_uint_eq(dm_callsites_used(), 500);
  for (unsigned i = 0; i < 500; i++)
    ck_assert(is_stack(i + 1, i));
}
END_TEST

/* One frame more or less, one bit in any frame, another order. */
START_TEST(stacks_that_differ_a_little)
{
  ck_assert_int_eq(dm_callsites_init(10000), 0);
  dm_frame frames[DEEPEST];
  uint32_t expected = 0;
  for (unsigned i = 0; i < DEEPEST; i++)
    frames[i] = 0x7fff00001000 + 16 * i;
  for (unsigned count = 1; count <= DEEPEST; count++)
    ck_assert_uint_eq(dm_callsites_find(frames, count, false), ++expected);
  for (unsigned place = 0; place < 32; place++)
    for (unsigned bit = 0; bit < 64; bit++)
    {
      frames[place] ^= UINT64_C(1) << bit;
      ck_assert_uint_eq(dm_callsites_find(frames, 32, false), ++expected);
      frames[place] ^= UINT64_C(1) << bit;
    }
  for (unsigned i = 1; i < 32; i++)
  {
    dm_frame kept = frames[i];
    frames[i] = frames[i - 1];
    frames[i - 1] = kept;
    ck_assert_uint_eq(dm_callsites_find(frames, 32, false), ++expected);
  }
  ck_assert_uint_eq(dm_callsites_used(), expected);
}
END_TEST

/* The same frames, once as a whole stack and once as one that goes on. */
START_TEST(cut_stacks)
{
  ck_assert_int_eq(dm_callsites_init(100), 0);
  dm_frame frames[DEEPEST];
  unsigned count = make_stack(40, frames);
  ck_assert_uint_eq(dm_callsites_find(frames, count, false), 1);
  ck_assert_uint_eq(dm_callsites_cut(), 0);
  ck_assert_uint_eq(dm_callsites_find(frames, count, true), 2);
  ck_assert_uint_eq(dm_callsites_cut(), 1);
  ck_assert_uint_eq(dm_callsites_find(frames, count, true), 2);
  ck_assert_uint_eq(dm_callsites_find(frames, count, false), 1);
  ck_assert_uint_eq(dm_callsites_cut(), 1);
  ck_assert_uint_eq(dm_callsites_find(frames, 1, true), 3);
  ck_assert_uint_eq(dm_callsites_cut(), 2);
}
END_TEST

START_TEST(recursion_of_every_depth)
{
  ck_assert_int_eq(dm_callsites_init(1000), 0);
  dm_frame frames[DEEPEST];
  for (unsigned i = 0; i < DEEPEST; i++)
    frames[i] = 0;
  for (unsigned count = 1; count <= DEEPEST; count++)
    ck_assert_uint_eq(dm_callsites_find(frames, count, false), count);
}
END_TEST

/* Whatever the cap: no more numbers than it, the first seven eighths of the
   stacks in full, and none that is known forgets its number. */
START_TEST(up_to_the_cap)
{
  static const unsigned caps[] = {1, 2, 63, 64, 65, 511, 512, 1000};
  unsigned cap = caps[_i], whole = (unsigned) ((uint64_t) cap * 28 / 32);
  ck_assert_int_eq(dm_callsites_init(cap), 0);
  for (unsigned i = 0; i < whole; i++)
    ck_assert_uint_eq(find_stack(i), i + 1);
  for (unsigned i = whole; i < 5000; i++)
    ck_assert_uint_le(find_stack(i), cap);
  for (unsigned i = 0; i < whole; i++)
    ck_assert_uint_eq(find_stack(i), i + 1);
  ck_assert_uint_le(dm_callsites_used(), cap);
  ck_assert_uint_eq(dm_callsites_figures().in_use, dm_callsites_used());
}
END_TEST

START_TEST(other_has_no_frames)
{
  ck_assert_int_eq(dm_callsites_init(10), 0);
  unsigned count = 99;
  ck_assert_ptr_null(dm_callsite_frames(DM_CALLSITE_OTHER, &count));
  ck_assert_uint_eq(count, 0);
  count = 99;
  ck_assert_ptr_null(dm_callsite_frames(7, &count));
  ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(two_hundred_thousand_stacks)
{
  enum
  {
    CAP = 65536
  };
  ck_assert_int_eq(dm_callsites_init(CAP), 0);
  for (unsigned i = 0; i < 200000; i++)
    find_stack(i);
  unsigned wrong = 0;
  for (unsigned i = 0; i < CAP * 28 / 32; i++)
    wrong += find_stack(i) != i + 1 || !is_stack(i + 1, i);
  ck_assert_uint_eq(wrong, 0);
  /* Bounded: 33 frames each on the average, the tables, and the marks. */
  ck_assert_uint_le(dm_sys_mapped_bytes(), CAP * (16 + 33 * 8) + (6 << 20));
}
END_TEST

START_TEST(the_largest_cap)
{
  ck_assert_int_eq(dm_callsites_init(1000000), 0);
  ck_assert_uint_eq(find_stack(1), 1);
}
END_TEST

START_TEST(without_memory)
{
  for (unsigned n = 1; n <= 4; n++)
  {
    dm_sys_fail_after(n, false);
    ck_assert_int_lt(dm_callsites_init(100), 0);
  }
  ck_assert_int_eq(dm_callsites_init(10000), 0);
  dm_sys_fail_after(1, true);
  for (unsigned i = 0; i < 10; i++)
    ck_assert_uint_eq(find_stack(i), DM_CALLSITE_OTHER);
  /* Numbers were taken and given back: none is lost. */
  ck_assert_uint_eq(dm_callsites_figures().in_use, 0);
  ck_assert_uint_eq(dm_callsites_figures().nameless, 10);
  dm_sys_fail_after(0, false);
  ck_assert_uint_eq(find_stack(0), 1);
  ck_assert_uint_eq(dm_callsites_figures().in_use, 1);
}
END_TEST

/* --------------------------------------------------------------------------
   Several at once. */

enum
{
  THREADS = 8,
  COMMON = 3000, /* stacks that all insert */
  OWN = 2000     /* and each alone */
};
static uint32_t common[THREADS][COMMON], own[THREADS][OWN];
static pthread_barrier_t barrier;

static void *
insert(void *arg)
{
  unsigned thread = (unsigned) (uintptr_t) arg;
  pthread_barrier_wait(&barrier);
  for (unsigned i = 0; i < COMMON; i++)
  {
    common[thread][i] = find_stack(i);
    if (i < OWN)
      own[thread][i] = find_stack(COMMON + thread * OWN + i);
  }
  return NULL;
}

static void
insert_from_all_threads(unsigned cap)
{
  ck_assert_int_eq(dm_callsites_init(cap), 0);
  pthread_barrier_init(&barrier, NULL, THREADS);
  pthread_t id[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&id[i], NULL, insert, (void *) i), 0);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(id[i], NULL);
}

START_TEST(threads_agree)
{
  enum
  {
    STACKS = COMMON + THREADS * OWN
  };
  insert_from_all_threads(65536);
  static bool seen[65537];
  for (unsigned i = 0; i < COMMON; i++)
  {
    ck_assert(is_stack(common[0][i], i));
    seen[common[0][i]] = true;
    for (unsigned thread = 1; thread < THREADS; thread++)
      ck_assert_uint_eq(common[thread][i], common[0][i]);
  }
  for (unsigned thread = 0; thread < THREADS; thread++)
    for (unsigned i = 0; i < OWN; i++)
    {
      ck_assert(is_stack(own[thread][i], COMMON + thread * OWN + i));
      seen[own[thread][i]] = true;
    }
  /* A number that lost a race was given back, and is another's or free. */
  unsigned numbers = 0;
  for (uint32_t i = 1; i <= dm_callsites_used(); i++)
    numbers += seen[i];
  ck_assert_uint_eq(numbers, STACKS);
  ck_assert_uint_eq(dm_callsites_figures().in_use, STACKS);
  ck_assert_uint_le(dm_callsites_used(), STACKS + THREADS);
}
END_TEST

START_TEST(threads_fill_the_table)
{
  insert_from_all_threads(5000);
  ck_assert_uint_le(dm_callsites_used(), 5000);
  unsigned wrong = 0;
  for (unsigned thread = 0; thread < THREADS; thread++)
  {
    for (unsigned i = 0; i < COMMON; i++)
      wrong += !is_some_of(common[thread][i], i);
    for (unsigned i = 0; i < OWN; i++)
      wrong += !is_some_of(own[thread][i], COMMON + thread * OWN + i);
  }
  ck_assert_uint_eq(wrong, 0);
}
END_TEST

static uint32_t by_body, by_handler;

static void
find_seven(void)
{
  by_body = find_stack(7);
}

static void
find_seven_too(void)
{
  by_handler = find_stack(7);
}

static void
find_eight(void)
{
  by_handler = find_stack(8);
}

/* A signal handler inserts the same stack, or another, in the middle. */
static bool
insert_twice(void (*handler)(void), unsigned at)
{
  ck_assert_int_eq(dm_callsites_init(100), 0);
  bool fell = interrupt_at(find_seven, handler, at);
  ck_assert(is_stack(by_body, 7));
  if (fell)
    ck_assert(is_stack(by_handler, handler == find_eight ? 8 : 7));
  if (fell && handler == find_seven_too)
    ck_assert_uint_eq(by_handler, by_body);
  ck_assert_uint_eq(find_stack(7), by_body);
  return fell;
}

START_TEST(signal_handlers_interrupt)
{
  /* The table starts anew each time, its numbers go on; so only a hundred
     instructions or so can be tried in one process. */
  unsigned at = 1 + (unsigned) _i;
  insert_twice(at % 2 ? find_seven_too : find_eight, at);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {the_same_stack_has_the_same_number,
                                stacks_that_differ_a_little,
                                cut_stacks,
                                recursion_of_every_depth,
                                other_has_no_frames,
                                two_hundred_thousand_stacks,
                                the_largest_cap,
                                without_memory,
                                threads_agree,
                                threads_fill_the_table,
                                NULL};
  Suite *suite = make_suite("callsites", NULL, tests);
  TCase *tcase = tcase_create("each");
  tcase_add_loop_test(tcase, up_to_the_cap, 0, 8);
  tcase_add_loop_test(tcase, signal_handlers_interrupt, 0, 300);
  suite_add_tcase(suite, tcase);
  return run_suite(suite);
}
