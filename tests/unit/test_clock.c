/* test_clock.c -- which second it is, with the kernel's clock replaced. */

#include "base/clock.h"

#include <time.h>

#include "base/sys.h"
#include "runner.h"

static const uint64_t second = 1000000000;

/* The clock that base/clock.c asks. */
static uint64_t now_ns;

uint64_t
dm_sys_clock_ns(clockid_t clock)
{
  ck_assert_int_eq(clock, CLOCK_MONOTONIC);
  return now_ns;
}

static uint64_t
real_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * second + (uint64_t) now.tv_nsec;
}

START_TEST(slices_begin_at_the_start)
{
  now_ns = 5000 * second + 123456789;
  dm_clock_start();
  ck_assert_uint_eq(dm_clock_slice_at(now_ns), 1);
  ck_assert_uint_eq(dm_clock_slice_at(now_ns + second - 1), 1);
  ck_assert_uint_eq(dm_clock_slice_at(now_ns + second), 2);
  ck_assert_uint_eq(dm_clock_slice_at(now_ns + 2000 * second), 2001);
  /* The coarse clock may be a little before the start. */
  ck_assert_uint_eq(dm_clock_slice_at(now_ns - 4000000), 1);
  ck_assert_uint_eq(dm_clock_slice_at(0), 1);
}
END_TEST

START_TEST(slices_and_their_starts_agree)
{
  now_ns = 77 * second + 999999999;
  dm_clock_start();
  ck_assert_uint_eq(dm_clock_slice_start_ns(1), now_ns);
  for (uint32_t slice = 1; slice < 3000; slice++)
  {
    uint64_t start = dm_clock_slice_start_ns(slice);
    ck_assert_uint_eq(dm_clock_slice_at(start), slice);
    if (slice > 1)
      ck_assert_uint_eq(dm_clock_slice_at(start - 1), slice - 1);
  }
  /* 100 years: more nanoseconds than a signed 32-bit number of seconds. */
  uint32_t century = 3155760000u;
  ck_assert_uint_eq(dm_clock_slice_at(dm_clock_slice_start_ns(century)),
                    century);
}
END_TEST

START_TEST(uptime_counts_from_the_start)
{
  now_ns = 10 * second;
  dm_clock_start();
  ck_assert_uint_eq(dm_clock_uptime_ns(), 0);
  now_ns += 1234567;
  ck_assert_uint_eq(dm_clock_uptime_ns(), 1234567);
}
END_TEST

START_TEST(the_coarse_clock_is_asked_without_a_reporter)
{
  now_ns = real_ns() - 41 * second - second / 2;
  dm_clock_start();
  uint32_t slice = dm_clock_read();
  ck_assert_uint_ge(slice, 42);
  ck_assert_uint_le(slice, 43);
  ck_assert_uint_ge(dm_clock_slice(), slice);
}
END_TEST

START_TEST(the_tick_counts_where_there_is_one)
{
  now_ns = real_ns();
  dm_clock_start();
  ck_assert_uint_eq(dm_clock_slice(), 1);
  atomic_store(&dm_clock_tick, 2001);
  ck_assert_uint_eq(dm_clock_slice(), 2001);
  ck_assert_uint_le(dm_clock_read(), 3);
  atomic_store(&dm_clock_tick, 0);
  ck_assert_uint_le(dm_clock_slice(), 3);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {slices_begin_at_the_start,
                                slices_and_their_starts_agree,
                                uptime_counts_from_the_start,
                                the_coarse_clock_is_asked_without_a_reporter,
                                the_tick_counts_where_there_is_one,
                                NULL};
  return run_suite(make_suite("clock", NULL, tests));
}
