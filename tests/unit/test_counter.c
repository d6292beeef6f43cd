/* test_counter.c -- a counter with one writer, read by others at any time. */

#include "base/counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "runner.h"
#include "single_step.h"

START_TEST(adds_and_wraps)
{
  uint64_t counter = 0;
  dm_counter_add(&counter, 5);
  dm_counter_add(&counter, UINT64_C(0x123456789abcdef));
  ck_assert_uint_eq(counter, UINT64_C(0x123456789abcdef) + 5);
  dm_counter_add(&counter, -UINT64_C(0x123456789abcdef) - 6);
  ck_assert_uint_eq(counter, UINT64_MAX);
  dm_counter_add(&counter, 1);
  ck_assert_uint_eq(counter, 0);
}
END_TEST

/* A number of 32 bits is one that the instruction could take for signed. */
START_TEST(adds_numbers_of_all_widths)
{
  static const uint64_t numbers[] = {0x7f,
                                     0x80,
                                     0xff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     UINT64_C(1) << 32,
                                     UINT64_MAX};
  uint64_t counter = 0, sum = 0;
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
  {
    dm_counter_add(&counter, numbers[i]);
    sum += numbers[i];
    ck_assert_uint_eq(dm_counter_read(&counter), sum);
  }
  dm_counter_add(&counter, 0x80000000);
  dm_counter_add(&counter, 0xffffffff);
  ck_assert_uint_eq(dm_counter_read(&counter), sum + UINT64_C(0x17fffffff));
}
END_TEST

START_TEST(rows_add_count_and_bytes)
{
  struct dm_row row = {3, 100};
  dm_row_add(&row, 2, 50);
  ck_assert_uint_eq(row.count, 5);
  ck_assert_uint_eq(row.bytes, 150);
  dm_row_add(&row, -UINT64_C(5), -UINT64_C(150));
  ck_assert_uint_eq(row.count, 0);
  ck_assert_uint_eq(row.bytes, 0);
}
END_TEST

static uint64_t interrupted;

static void
add_three(void)
{
  dm_counter_add(&interrupted, 1);
  dm_counter_add(&interrupted, 10);
  dm_counter_add(&interrupted, 100);
}

static void
add_thousand(void)
{
  dm_counter_add(&interrupted, 1000);
}

START_TEST(no_addition_is_lost_to_a_signal_handler)
{
  unsigned at = 0;
  bool fell;
  do
  {
    interrupted = 0;
    fell = interrupt_at(add_three, add_thousand, ++at);
    ck_assert_uint_eq(interrupted, fell ? 1111 : 111);
  } while (fell);
  ck_assert_uint_gt(at, least_steps(3));
}
END_TEST

static uint64_t shared;
static _Atomic bool done;

/* Both halves of the counter always move together. */
static void *
add_halves(void *unused)
{
  for (unsigned i = 0; i < 2000000; i++)
    dm_counter_add(&shared, UINT64_C(0x100000001));
  atomic_store(&done, true);
  return unused;
}

START_TEST(readers_see_whole_numbers_that_only_grow)
{
  pthread_t writer;
  ck_assert_int_eq(pthread_create(&writer, NULL, add_halves, NULL), 0);
  uint64_t last = 0;
  while (!atomic_load(&done))
  {
    uint64_t now = dm_counter_read(&shared);
    ck_assert_uint_eq(now >> 32, now & 0xffffffff);
    ck_assert_uint_ge(now, last);
    last = now;
  }
  pthread_join(writer, NULL);
  ck_assert_uint_eq(shared, UINT64_C(0x100000001) * 2000000);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {adds_and_wraps,
                                adds_numbers_of_all_widths,
                                rows_add_count_and_bytes,
                                no_addition_is_lost_to_a_signal_handler,
                                readers_see_whole_numbers_that_only_grow,
                                NULL};
  return run_suite(make_suite("counter", NULL, tests));
}
