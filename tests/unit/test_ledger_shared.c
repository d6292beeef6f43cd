/* test_ledger_shared.c -- the books while signal handlers interrupt their
   thread, and while several threads keep theirs. */

#include "books/ledger.h"

#include <pthread.h>

#include "fake_clock.h"
#include "ledger_rig.h"
#include "runner.h"
#include "single_step.h"

/* --------------------------------------------------------------------------
   Signal handlers. */

static struct dm_ledger *stepped;

static void
work(void)
{
  dm_ledger_alloc(stepped, 200, 4, 100);
  dm_ledger_resize(stepped, 200, 4, 100, 70000);
  dm_ledger_free(stepped, 300, 2, 100);
}

static void
work_in_handler(void)
{
  dm_ledger_alloc(stepped, 201, 4, 100000);
  dm_ledger_alloc(stepped, 300, 4, 7);
  dm_ledger_free(stepped, 201, 4, 100000);
}

START_TEST(signal_handlers_interrupt)
{
  unsigned at = 0;
  bool fell;
  uint64_t count = 0, bytes = 0;
  do
  {
    stepped = new_ledger();
    fake_clock_set(2);
    dm_ledger_alloc(stepped, 300, 2, 100);
    fake_clock_set(4);
    fell = interrupt_at(work, work_in_handler, at += 3);
    count += fell ? 2 : 1;
    bytes += fell ? 70007 : 70000;
    check_live(count, bytes);
  } while (fell && at < 1500);
  ck_assert_uint_gt(at, least_steps(60));
}
END_TEST

static void
allocate_a_little(void)
{
  dm_ledger_alloc(stepped, 1, 1, 1000);
}

enum
{
  LARGE = 10000000
};

static void
allocate_much(void)
{
  dm_ledger_alloc(stepped, 0, 1, LARGE);
}

/* A large block is told to the peak at once; a signal handler that tells its
   own meanwhile must not tell the large one a second time. */
START_TEST(signal_handlers_do_not_raise_the_peak)
{
  stepped = new_ledger();
  unsigned at = 0;
  uint64_t live = 0;
  bool fell;
  do
  {
    fell = interrupt_at(allocate_much, allocate_a_little, ++at);
    live += LARGE + (fell ? 1000 : 0);
    ck_assert_uint_le(dm_ledger_peak(live) - live, DM_UNPUBLISHED_MAX);
  } while (fell);
  ck_assert_uint_gt(at, least_steps(20));
}
END_TEST

/* --------------------------------------------------------------------------
   Threads. */

enum
{
  THREADS = 8,
  EACH = 50000
};
static _Atomic unsigned left;

static void *
allocate_and_free_anothers(void *arg)
{
  uint32_t number = (uint32_t) (uintptr_t) arg;
  struct dm_ledger *ledger = dm_ledger_new();
  for (uint32_t i = 0; i < EACH; i++)
  {
    /* Every block of the thread before is freed here; none of the last. */
    dm_ledger_alloc(ledger, number * 1000 + i % 1000, 1 + i / 50, i % 5000);
    if (number > 0)
      dm_ledger_free(ledger, (number - 1) * 1000 + i % 1000, 1 + i / 50,
                     i % 5000);
  }
  left--;
  return ledger;
}

START_TEST(threads_free_what_others_allocated)
{
  pthread_t id[THREADS];
  left = THREADS;
  fake_clock_set(1000);
  for (uintptr_t i = 0; i < THREADS; i++)
    ck_assert_int_eq(
        pthread_create(&id[i], NULL, allocate_and_free_anothers, (void *) i),
        0);
  while (left)
    sum_all();
  for (unsigned i = 0; i < THREADS; i++)
  {
    void *ledger;
    pthread_join(id[i], &ledger);
    ck_assert_ptr_nonnull(ledger);
  }
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < EACH; i++)
    bytes += i % 5000;
  check_live(EACH, bytes);
  unsigned count = 0;
  for (const struct dm_ledger *l = dm_ledgers(); l; l = l->next)
    count++;
  ck_assert_uint_eq(count, THREADS + 1);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {signal_handlers_interrupt,
                                signal_handlers_do_not_raise_the_peak,
                                threads_free_what_others_allocated, NULL};
  return run_suite(make_suite("ledger_shared", ledger_setup, tests));
}
