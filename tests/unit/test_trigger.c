/* test_trigger.c -- what asks for a dump, with the dump replaced. */

#include "dump/trigger.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "dump/reporter.h"
#include "fake_dump.h"
#include "reporter_rig.h"
#include "runner.h"

static struct dm_config config = {.interval_ms = LONG_MS, .signal = SIGUSR1};

START_TEST(a_signal_wakes_the_reporter)
{
  ck_assert_ptr_null(dm_trigger_init(&config));
  ck_assert_uint_eq(count_threads(NULL), 2);
  raise(SIGUSR1);
  await_dumps(1);
  union sigval value = {.sival_ptr = (void *) 0x12345};
  sigqueue(getpid(), SIGUSR1, value);
  await_dumps(2);
  dm_trigger_exit();
  await_threads(1);
  ck_assert_int_ne(fake_dump_made(0).thread, gettid());
  ck_assert_uint_eq(fake_dump_made(0).request.value, 0);
  ck_assert_uint_eq(fake_dump_made(1).request.value, 0x12345);
  ck_assert_uint_eq(fake_dump_count(), 2); /* none at exit unless asked */
}
END_TEST

START_TEST(without_an_interval_a_signal_is_served_too)
{
  config.interval_ms = 0;
  ck_assert_ptr_null(dm_trigger_init(&config));
  ck_assert_uint_eq(count_threads(NULL), 1);
  raise(SIGUSR1);
  await_dumps(1);
  ck_assert_int_ne(fake_dump_made(0).thread, gettid());
  await_threads(1);
}
END_TEST

START_TEST(without_a_reporter_the_handler_dumps)
{
  config.interval_ms = 0;
  ck_assert_ptr_null(dm_trigger_init(&config));
  dm_sys_fail_after(1, true);
  raise(SIGUSR1);
  ck_assert_uint_eq(fake_dump_count(), 1);
  ck_assert_int_eq(fake_dump_made(0).thread, gettid());
  ck_assert_uint_eq(fake_dump_made(0).request.patience_ms, 0);
}
END_TEST

static void
own_handler(int number)
{
  (void) number;
}

static void
own_action(int number, siginfo_t *info, void *context)
{
  (void) number, (void) info, (void) context;
}

/* The program's handler, and its SIG_IGN, stay. */
START_TEST(the_programs_own_handler_wins)
{
  struct sigaction action;
  signal(SIGUSR1, own_handler);
  ck_assert_ptr_nonnull(dm_trigger_init(&config));
  sigaction(SIGUSR1, NULL, &action);
  ck_assert_ptr_eq(action.sa_handler, own_handler);

  struct sigaction own = {.sa_sigaction = own_action, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR2, &own, NULL);
  config.signal = SIGUSR2;
  ck_assert_ptr_nonnull(dm_trigger_init(&config));
  sigaction(SIGUSR2, NULL, &action);
  ck_assert_ptr_eq(action.sa_sigaction, own_action);

  signal(SIGHUP, SIG_IGN);
  config.signal = SIGHUP;
  ck_assert_ptr_nonnull(dm_trigger_init(&config));
  sigaction(SIGHUP, NULL, &action);
  ck_assert_ptr_eq(action.sa_handler, SIG_IGN);
  dm_reporter_stop();
}
END_TEST

START_TEST(the_handler_restarts_calls)
{
  struct sigaction action;
  ck_assert_ptr_null(dm_trigger_init(&config));
  sigaction(SIGUSR1, NULL, &action);
  ck_assert_int_eq(action.sa_flags & SA_RESTART, SA_RESTART);
  ck_assert_int_eq(action.sa_flags & SA_ONSTACK, SA_ONSTACK);
  config.signal = 0; /* no signal: no handler, and nothing to complain about */
  ck_assert_ptr_null(dm_trigger_init(&config));
  dm_reporter_stop();
}
END_TEST

START_TEST(calls_and_the_end)
{
  config.at_exit = true;
  ck_assert_ptr_null(dm_trigger_init(&config));
  ck_assert_int_eq(dm_trigger_call(-1), 0);
  ck_assert_int_eq(dm_trigger_call(5), 0);
  dm_trigger_exit();
  ck_assert_uint_eq(fake_dump_count(), 3);
  ck_assert_int_eq(fake_dump_made(0).request.trigger, DM_TRIGGER_CALL);
  ck_assert_int_eq(fake_dump_made(0).request.fd, -1);
  ck_assert_int_eq(fake_dump_made(1).request.fd, 5);
  ck_assert_int_eq(fake_dump_made(2).request.trigger, DM_TRIGGER_EXIT);
  await_threads(1);
}
END_TEST

/* What waits when the process forks is the parent's. */
START_TEST(a_forked_child_has_a_reporter_of_its_own)
{
  fake_dump_hold(true);
  ck_assert_ptr_null(dm_trigger_init(&config));
  dm_reporter_ask(SIGUSR1, 1);
  usleep(50000);
  dm_reporter_ask(SIGUSR1, 2);
  pid_t child = fork();
  if (child == 0)
  {
    alarm(20);
    fake_dump_hold(false);
    dm_trigger_after_fork();
    bool alone = count_threads(NULL) == 2;
    unsigned inherited = fake_dump_count();
    raise(SIGUSR1);
    while (fake_dump_count() == inherited)
      usleep(1000);
    bool right = fake_dump_made(inherited).request.value == 0;
    dm_reporter_stop();
    _exit(alone && right && fake_dump_count() == inherited + 1 ? 7 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  fake_dump_hold(false);
  await_dumps(2);
  dm_reporter_stop();
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {a_signal_wakes_the_reporter,
                                without_an_interval_a_signal_is_served_too,
                                without_a_reporter_the_handler_dumps,
                                the_programs_own_handler_wins,
                                the_handler_restarts_calls,
                                calls_and_the_end,
                                a_forked_child_has_a_reporter_of_its_own,
                                NULL};
  return run_suite(make_suite("trigger", reporter_setup, tests));
}
