/* test_thread.c -- what the hook keeps for each thread. */

#include "hook/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/sys.h"
#include "base/uninherited.h"
#include "fake_clock.h"
#include "runner.h"

static void
setup(void)
{
  fake_clock_set(1);
  dm_thread_usual = true;
  ck_assert_int_eq(dm_ledgers_init(1000), 0);
}

static unsigned
count_ledgers(void)
{
  unsigned count = 0;
  for (const struct dm_ledger *l = dm_ledgers(); l; l = l->next)
    count++;
  return count;
}

START_TEST(the_main_thread)
{
  int local;
  uintptr_t end = (uintptr_t) &local + 1000;
  ck_assert(dm_thread_init(end));
  struct dm_thread *self = dm_thread_self();
  ck_assert_ptr_nonnull(self);
  ck_assert_ptr_eq(self, dm_thread_here.place);
  ck_assert_ptr_eq(dm_thread_self(), self);
  ck_assert_uint_eq(self->pointer, (uintptr_t) __builtin_thread_pointer());
  ck_assert_uint_le(self->stack_low, (uintptr_t) &local);
  ck_assert_uint_gt(self->stack_high, end);
  ck_assert_ptr_nonnull(self->ledger);
  ck_assert_ptr_ne(self->ledger, dm_ledger_emergency);
}
END_TEST

/* Nothing is known of a new thread's stack, whoever was here before. */
static void *
check_fresh(void *unused)
{
  (void) unused;
  if (dm_thread_here.place)
    return NULL; /* inherited by mistake */
  struct dm_thread *self = dm_thread_self();
  if (!self || self->stack_low != UINTPTR_MAX || self->stack_high != 0)
    return NULL;
  self->stack_low = 0;
  self->stack_high = UINTPTR_MAX;
  dm_ledger_alloc(self->ledger, 1, 1, 100);
  return self;
}

START_TEST(a_burst_of_threads_reuses_places)
{
  for (unsigned i = 0; i < 2000; i++)
  {
    pthread_t id;
    void *place;
    ck_assert_int_eq(pthread_create(&id, NULL, check_fresh, NULL), 0);
    pthread_join(id, &place);
    ck_assert_ptr_nonnull(place);
  }
  /* One after another they are few places, and no count is lost. */
  ck_assert_uint_le(count_ledgers(), 1 + 40);
  uint64_t allocations = 0;
  for (const struct dm_ledger *l = dm_ledgers(); l; l = l->next)
    if (dm_ledger_cell(l, 1))
      allocations += dm_ledger_cell(l, 1)->allocations;
  ck_assert_uint_eq(allocations, 2000);
}
END_TEST

enum
{
  ALIVE = 400
};
static pthread_barrier_t barrier;

static void *
enter_and_wait(void *place)
{
  *(struct dm_thread **) place = dm_thread_self();
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return dm_thread_self();
}

START_TEST(threads_alive_at_once_have_places_of_their_own)
{
  pthread_t id[ALIVE];
  static struct dm_thread *place[ALIVE];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (unsigned round = 0; round < 3; round++)
  {
    pthread_barrier_init(&barrier, NULL, ALIVE + 1);
    for (unsigned i = 0; i < ALIVE; i++)
      ck_assert_int_eq(
          pthread_create(&id[i], &small, enter_and_wait, &place[i]), 0);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < ALIVE; i++)
    {
      ck_assert_ptr_nonnull(place[i]);
      for (unsigned j = 0; j < i; j++)
      {
        ck_assert_ptr_ne(place[i], place[j]);
        ck_assert_ptr_ne(place[i]->ledger, place[j]->ledger);
      }
    }
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < ALIVE; i++)
    {
      void *again;
      pthread_join(id[i], &again);
      ck_assert_ptr_eq(again, place[i]);
    }
    pthread_barrier_destroy(&barrier);
  }
}
END_TEST

START_TEST(without_memory_there_is_no_place)
{
  dm_thread_here = (struct dm_thread_here){NULL, 0};
  dm_sys_fail_after(1, true);
  while (dm_ledger_new())
    ; /* uses up what is mapped */
  ck_assert_ptr_null(dm_thread_self());
  ck_assert_ptr_null(dm_thread_here.place);
  dm_sys_fail_after(0, false);
  /* It is tried once a second, not at each call of malloc. */
  ck_assert_ptr_null(dm_thread_self());
  fake_clock_set(2);
  ck_assert_ptr_nonnull(dm_thread_self());
}
END_TEST

/* A shortage that lasts takes no places. */
START_TEST(a_long_shortage_does_no_harm)
{
  dm_sys_fail_after(1, true);
  while (dm_ledger_new())
    ;
  for (unsigned i = 0; i < 2 * DM_THREADS_MAX; i++)
  {
    fake_clock_set(1 + i);
    ck_assert_ptr_null(dm_thread_self());
  }
  dm_sys_fail_after(0, false);
  fake_clock_set(1 + 2 * DM_THREADS_MAX);
  ck_assert_ptr_nonnull(dm_thread_self());
}
END_TEST

/* Pages of address space that this process has. */
static unsigned long
address_space(void)
{
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
  fclose(file);
  return pages;
}

/* There is room for a ledger, but not for all else: so there is neither. */
START_TEST(what_was_had_in_part_is_given_back)
{
  dm_sys_fail_after(1, true);
  while (dm_arena_alloc(64, 64))
    ;
  unsigned ledgers = count_ledgers();
  address_space(); /* what stdio takes for itself it has now */
  unsigned long pages = address_space();
  size_t mapped = dm_sys_mapped_bytes();
  for (unsigned i = 0; i < 20; i++)
  {
    fake_clock_set(2 + i);
    dm_sys_fail_after(2, true);
    ck_assert_ptr_null(dm_thread_self());
  }
  ck_assert_uint_eq(count_ledgers(), ledgers);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), mapped);
  ck_assert_uint_eq(address_space(), pages);
  /* The arena has room for the ledger's part. */
  dm_sys_fail_after(0, false);
  char *room = dm_arena_alloc(64, 64);
  ck_assert_ptr_nonnull(room);
  dm_sys_fail_after(1, true);
  while (dm_arena_alloc(65536, 64))
    ;
  pages = address_space();
  mapped = dm_sys_mapped_bytes();
  fake_clock_set(100);
  dm_sys_fail_after(2, true);
  ck_assert_ptr_null(dm_thread_self());
  ck_assert_uint_eq(count_ledgers(), ledgers);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), mapped);
  ck_assert_uint_eq(address_space(), pages);
}
END_TEST

/* --------------------------------------------------------------------------
   The emergency ledger. */

enum
{
  THREADS = 4,
  EACH = 20000
};
static unsigned in_use;
static _Atomic bool wrong;

static void *
use_emergency(void *unused)
{
  for (unsigned i = 0; i < EACH; i++)
  {
    struct dm_signals signals;
    struct dm_ledger *ledger = dm_emergency_begin(&signals);
    if (in_use++ != 0)
      wrong = true;
    dm_ledger_alloc(ledger, 0, 1, 10);
    in_use--;
    dm_emergency_end(&signals);
  }
  return unused;
}

START_TEST(one_at_a_time_in_the_emergency_ledger)
{
  pthread_t id[THREADS];
  for (unsigned i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&id[i], NULL, use_emergency, NULL), 0);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(id[i], NULL);
  ck_assert(!wrong);
  ck_assert_uint_eq(dm_ledger_cell(dm_ledger_emergency, 0)->allocations,
                    THREADS * EACH);
}
END_TEST

START_TEST(signals_wait_for_the_emergency_ledger)
{
  struct dm_signals signals;
  sigset_t before, now;
  sigprocmask(SIG_SETMASK, NULL, &before);
  ck_assert_ptr_eq(dm_emergency_begin(&signals), dm_ledger_emergency);
  sigprocmask(SIG_SETMASK, NULL, &now);
  ck_assert_int_eq(sigismember(&now, SIGUSR1), 1);
  dm_emergency_end(&signals);
  sigprocmask(SIG_SETMASK, NULL, &now);
  ck_assert_int_eq(sigismember(&now, SIGUSR1), sigismember(&before, SIGUSR1));
}
END_TEST

START_TEST(a_forked_child_finds_it_free)
{
  struct dm_signals signals;
  dm_emergency_begin(&signals);
  pid_t child = fork();
  if (child == 0)
  {
    alarm(10);
    dm_sys_restore_signals(&signals);
    dm_thread_after_fork();
    dm_emergency_begin(&signals);
    dm_emergency_end(&signals);
    _exit(7);
  }
  int status;
  waitpid(child, &status, 0);
  dm_emergency_end(&signals);
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

/* No handler hears of such a child. */
START_TEST(what_is_held_is_free_in_a_raw_child)
{
  struct dm_signals signals;
  int status;
  dm_uninherited_init();
  dm_emergency_begin(&signals);
  pid_t child = _Fork();
  if (child == 0)
  {
    struct rlimit seconds = {2, 2}; /* no signal ends who waits for it */
    setrlimit(RLIMIT_CPU, &seconds);
    dm_emergency_begin(&signals);
    _exit(7);
  }
  dm_emergency_end(&signals);
  waitpid(child, &status, 0);
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {the_main_thread,
                                a_burst_of_threads_reuses_places,
                                threads_alive_at_once_have_places_of_their_own,
                                without_memory_there_is_no_place,
                                a_long_shortage_does_no_harm,
                                what_was_had_in_part_is_given_back,
                                one_at_a_time_in_the_emergency_ledger,
                                signals_wait_for_the_emergency_ledger,
                                a_forked_child_finds_it_free,
                                what_is_held_is_free_in_a_raw_child,
                                NULL};
  return run_suite(make_suite("thread", setup, tests));
}
