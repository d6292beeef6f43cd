/* test_reporter.c -- the thread that makes the dumps, with the dump replaced.
 */

#include "dump/reporter.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "fake_dump.h"
#include "reporter_rig.h"
#include "runner.h"

START_TEST(starts_and_stops)
{
  unsigned threads = count_threads(NULL);
  dm_reporter_init(LONG_MS, SIGUSR1);
  for (unsigned i = 0; i < 100; i++)
  {
    ck_assert(dm_reporter_start());
    ck_assert(dm_reporter_start()); /* it is there already */
    ck_assert_uint_eq(count_threads(NULL), threads + 1);
    if (i % 2)
      dm_reporter_stop();
    else
      dm_reporter_finish(NULL, 1000);
    /* After a stop it is gone for good; after a finish, in a moment. */
    if (i % 2)
      ck_assert_uint_eq(count_threads(NULL), threads);
    else
      await_threads(threads);
    dm_reporter_stop(); /* there is none: nothing happens */
  }
  ck_assert_uint_eq(fake_dump_count(), 0);
}
END_TEST

START_TEST(one_for_each_request_without_an_interval)
{
  unsigned threads = count_threads(NULL);
  dm_reporter_init(0, SIGUSR1);
  ck_assert(!dm_reporter_start());
  ck_assert_uint_eq(count_threads(NULL), threads);
  for (unsigned i = 1; i <= 10; i++)
  {
    ck_assert(dm_reporter_ask(SIGUSR1, i));
    await_dumps(i);
    ck_assert_uint_eq(fake_dump_made(i - 1).request.value, i);
    ck_assert_int_ne(fake_dump_made(i - 1).thread, gettid());
    await_threads(threads);
  }
  ck_assert_uint_eq(atomic_load(&dm_clock_tick), 0);
}
END_TEST

/* Also what is asked while the last one leaves. */
START_TEST(no_request_is_lost_without_an_interval)
{
  unsigned asked = 0;
  dm_reporter_init(0, SIGUSR1);
  while (asked < FAKE_DUMPS - 1)
  {
    if (!dm_reporter_ask(SIGUSR1, asked + 1))
      continue; /* all places are taken */
    asked++;
    if (asked % 16 == 0)
      usleep(100 * (asked / 16));
  }
  await_dumps(asked);
  await_threads(1);
  uint64_t sum = 0;
  for (unsigned i = 0; i < asked; i++)
    sum += fake_dump_made(i).request.value;
  ck_assert_uint_eq(fake_dump_count(), asked);
  ck_assert_uint_eq(sum, asked * (asked + 1ul) / 2);
}
END_TEST

START_TEST(none_when_the_kernel_refuses)
{
  dm_reporter_init(LONG_MS, SIGUSR1);
  for (unsigned nth = 1; nth <= 2; nth++)
  {
    dm_sys_fail_after(nth, true);
    ck_assert(!dm_reporter_start());
    ck_assert(!dm_reporter_ask(SIGUSR1, 5));
    dm_reporter_stop();
    dm_sys_fail_after(0, false);
  }
  /* What was refused is the caller's to do. */
  ck_assert(dm_reporter_start());
  usleep(50000);
  dm_reporter_stop();
  ck_assert_uint_eq(fake_dump_count(), 0);
}
END_TEST

static unsigned long
status_field(int thread, const char *name)
{
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
  FILE *file = fopen(path, "r");
  ck_assert_ptr_nonnull(file);
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0)
    {
      fclose(file);
      return strtoul(line + strlen(name), NULL, 16);
    }
  ck_abort_msg("no %s", name);
}

/* Every signal but KILL and STOP is blocked, and it may do nothing that its
   process may not: no capability, none to be gained. */
START_TEST(blocks_signals_and_has_no_rights)
{
  int reporter = 0;
  dm_reporter_init(LONG_MS, SIGUSR1);
  ck_assert(dm_reporter_start());
  dm_reporter_ask(SIGUSR1, 0);
  await_dumps(1); /* by then it has begun */
  count_threads(&reporter);
  ck_assert_uint_eq(status_field(reporter, "SigBlk:"),
                    ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1)));
  ck_assert_uint_eq(status_field(reporter, "CapEff:"), 0);
  ck_assert_uint_eq(status_field(reporter, "CapPrm:"), 0);
  ck_assert_uint_eq(status_field(reporter, "NoNewPrivs:"), 1);
  ck_assert_uint_eq(status_field(gettid(), "NoNewPrivs:"), 0);
  dm_reporter_stop();
}
END_TEST

START_TEST(periodic_dumps)
{
  uint64_t start = dm_sys_clock_ns(CLOCK_MONOTONIC);
  int reporter = 0;
  dm_reporter_init(100, SIGUSR1);
  ck_assert(dm_reporter_start());
  count_threads(&reporter);
  await_dumps(5);
  dm_reporter_stop();
  for (unsigned i = 0; i < 5; i++)
  {
    struct fake_dump dump = fake_dump_made(i);
    ck_assert_int_eq(dump.request.trigger, DM_TRIGGER_TIMER);
    ck_assert_int_eq(dump.request.fd, -1);
    ck_assert_uint_eq(dump.request.value, 0);
    ck_assert_int_eq(dump.thread, reporter);
    /* Each at its time or, on a busy machine, later; never before. */
    ck_assert_uint_ge(dump.at_ns - start + 1000000, (i + 1) * 100000000ul);
  }
  unsigned made = fake_dump_count();
  usleep(250000);
  ck_assert_uint_eq(fake_dump_count(), made);
}
END_TEST

/* The number of the 50 ms in which DUMP was made. */
static uint64_t
period_of(struct fake_dump dump)
{
  return (dump.at_ns - dm_clock_slice_start_ns(1)) / 50000000;
}

START_TEST(missed_periods_are_not_made_up_for)
{
  fake_dump_hold(true);
  dm_reporter_init(50, SIGUSR1);
  ck_assert(dm_reporter_start());
  usleep(500000);
  fake_dump_hold(false);
  await_dumps(3);
  dm_reporter_stop();
  /* However late each is, there is one in a period at most. */
  ck_assert_uint_gt(period_of(fake_dump_made(1)), period_of(fake_dump_made(0)));
  ck_assert_uint_gt(period_of(fake_dump_made(2)), period_of(fake_dump_made(1)));
}
END_TEST

START_TEST(serves_what_is_asked)
{
  dm_reporter_init(LONG_MS, SIGUSR1);
  ck_assert(dm_reporter_start());
  uint64_t start = now_ms();
  ck_assert(dm_reporter_ask(SIGUSR1, 0));
  await_dumps(1);
  ck_assert_uint_le(now_ms() - start, 1000);
  ck_assert(dm_reporter_ask(SIGRTMIN + 5, 0x12345678));
  await_dumps(2);
  dm_reporter_stop();
  struct fake_dump plain = fake_dump_made(0), remote = fake_dump_made(1);
  ck_assert_int_eq(plain.request.trigger, DM_TRIGGER_SIGNAL);
  ck_assert_int_eq(plain.request.signal, SIGUSR1);
  ck_assert_uint_eq(plain.request.value, 0);
  ck_assert_int_eq(plain.request.fd, -1);
  ck_assert_int_eq(remote.request.signal, SIGRTMIN + 5);
  ck_assert_uint_eq(remote.request.value, 0x12345678);
  ck_assert_uint_gt(remote.request.patience_ms, plain.request.patience_ms);
}
END_TEST

/* Plain requests that wait are one; the others are as many as they are, until
   there is no more room and the caller must serve itself. */
START_TEST(requests_wait_while_a_dump_is_made)
{
  fake_dump_hold(true);
  dm_reporter_init(LONG_MS, SIGUSR1);
  ck_assert(dm_reporter_start());
  ck_assert(dm_reporter_ask(SIGUSR1, 1));
  usleep(50000); /* it is at that one now */
  for (unsigned i = 0; i < 10; i++)
    ck_assert(dm_reporter_ask(SIGUSR1, 0));
  unsigned taken = 0;
  while (taken < 1000 && dm_reporter_ask(SIGUSR1, 100 + taken))
    taken++;
  ck_assert_uint_ge(taken, 16);
  ck_assert_uint_lt(taken, 1000);
  ck_assert(dm_reporter_ask(SIGUSR1, 0)); /* that one waits already */
  fake_dump_hold(false);
  await_dumps(taken + 2);
  usleep(50000);
  dm_reporter_stop();
  ck_assert_uint_eq(fake_dump_count(), taken + 2);
  uint64_t values = 0, plain = 0;
  for (unsigned i = 0; i < taken + 2; i++)
  {
    struct fake_dump dump = fake_dump_made(i);
    values += dump.request.value;
    plain += dump.request.value == 0;
  }
  ck_assert_uint_eq(plain, 1);
  ck_assert_uint_eq(values, 1 + taken * 100 + taken * (taken - 1) / 2);
}
END_TEST

START_TEST(stopping_waits_for_no_reader)
{
  fake_dump_hold(true);
  dm_reporter_init(LONG_MS, SIGUSR1);
  ck_assert(dm_reporter_start());
  ck_assert(dm_reporter_ask(SIGUSR1, 0));
  usleep(50000);
  uint64_t start = now_ms();
  dm_reporter_stop();
  ck_assert_uint_le(now_ms() - start, 2000);
  ck_assert_uint_eq(count_threads(NULL), 1);
  /* With patience it waits that long, and no longer. */
  ck_assert(dm_reporter_start());
  ck_assert(dm_reporter_ask(SIGUSR1, 0));
  usleep(50000);
  start = now_ms();
  dm_reporter_finish(NULL, 200);
  ck_assert_uint_ge(now_ms() - start, 199);
  ck_assert_uint_le(now_ms() - start, 3000);
}
END_TEST

START_TEST(finishing_serves_what_was_asked)
{
  struct dm_request last = {.trigger = DM_TRIGGER_EXIT, .fd = -1};
  fake_dump_hold(true);
  dm_reporter_init(LONG_MS, SIGUSR1);
  ck_assert(dm_reporter_start());
  for (uint32_t i = 1; i <= 3; i++)
    ck_assert(dm_reporter_ask(SIGUSR1, i));
  ck_assert(dm_reporter_finish(&last, 100));
  ck_assert_uint_eq(fake_dump_count(), 4);
  for (unsigned i = 0; i < 3; i++)
    ck_assert_uint_eq(fake_dump_made(i).request.value, i + 1);
  ck_assert_int_eq(fake_dump_made(3).request.trigger, DM_TRIGGER_EXIT);
}
END_TEST

/* Whenever the reporter leaves by itself, somebody makes the last dump. */
START_TEST(the_last_dump_is_made_by_somebody)
{
  struct dm_request last = {.trigger = DM_TRIGGER_EXIT, .fd = -1};
  dm_reporter_init(0, SIGUSR1);
  unsigned made = 0;
  for (unsigned i = 0; i < FAKE_DUMPS / 2; i++)
  {
    ck_assert(dm_reporter_ask(SIGUSR1, i + 1));
    await_dumps(made + 1);
    for (volatile unsigned wait = 0; wait < i * 20; wait++)
      continue;
    if (!dm_reporter_finish(&last, 1000))
      dm_dump(&last);
    made += 2;
    ck_assert_uint_eq(fake_dump_count(), made);
  }
}
END_TEST

/* A dump may take long, and no block may be born in a second that is over. */
START_TEST(tells_no_time_while_a_dump_is_made)
{
  dm_reporter_init(LONG_MS, SIGUSR1);
  ck_assert(dm_reporter_start());
  uint64_t deadline = now_ms() + 5000;
  while (atomic_load(&dm_clock_tick) == 0 && now_ms() < deadline)
    usleep(1000);
  ck_assert_uint_ne(atomic_load(&dm_clock_tick), 0);
  fake_dump_hold(true);
  ck_assert(dm_reporter_ask(SIGUSR1, 0));
  while (atomic_load(&dm_clock_tick) != 0 && now_ms() < deadline)
    usleep(1000);
  ck_assert_uint_eq(atomic_load(&dm_clock_tick), 0);
  fake_dump_hold(false);
  while (atomic_load(&dm_clock_tick) == 0 && now_ms() < deadline)
    usleep(1000);
  ck_assert_uint_ne(atomic_load(&dm_clock_tick), 0);
  dm_reporter_stop();
}
END_TEST

START_TEST(announces_the_time)
{
  dm_reporter_init(LONG_MS, SIGUSR1);
  ck_assert(dm_reporter_start());
  uint64_t deadline = now_ms() + 5000;
  while (atomic_load(&dm_clock_tick) != 2 && now_ms() < deadline)
    usleep(1000);
  uint64_t passed = dm_clock_uptime_ns();
  ck_assert_uint_eq(atomic_load(&dm_clock_tick), 2);
  ck_assert_uint_ge(passed, 1000000000);
  ck_assert_uint_le(passed, 1500000000);
  dm_reporter_stop();
  ck_assert_uint_eq(atomic_load(&dm_clock_tick), 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {starts_and_stops,
                                one_for_each_request_without_an_interval,
                                no_request_is_lost_without_an_interval,
                                none_when_the_kernel_refuses,
                                blocks_signals_and_has_no_rights,
                                periodic_dumps,
                                missed_periods_are_not_made_up_for,
                                serves_what_is_asked,
                                requests_wait_while_a_dump_is_made,
                                stopping_waits_for_no_reader,
                                finishing_serves_what_was_asked,
                                the_last_dump_is_made_by_somebody,
                                tells_no_time_while_a_dump_is_made,
                                announces_the_time,
                                NULL};
  return run_suite(make_suite("reporter", reporter_setup, tests));
}
