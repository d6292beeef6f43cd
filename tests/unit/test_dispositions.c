/* test_dispositions.c -- what a program sees and sets of a signal's action
   while our handler stands there. */

#include "hook/dispositions.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "runner.h"

/* Old programs call them none the less. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

sighandler_t bsd_signal(int number, sighandler_t handler);

typedef sighandler_t (*handler_call)(int number, sighandler_t handler);

enum
{
  SETTERS = 6
};
static const handler_call setters[SETTERS] = {
    signal, bsd_signal, ssignal, sysv_signal, __sysv_signal, sigset};

static volatile int caught, owned;

static void
catcher(int number, siginfo_t *info, void *context)
{
  (void) number, (void) info, (void) context;
  caught++;
}

static void
own(int number)
{
  (void) number;
  owned++;
}

static void
catch_it(void)
{
  ck_assert_int_eq(dm_sys_catch_signal(SIGUSR1, catcher), 0);
}

/* The flags that the kernel has for SIGUSR1. */
static unsigned long
kernel_flags(void)
{
  unsigned long action[4];
  ck_assert_int_eq(syscall(SYS_rt_sigaction, SIGUSR1, NULL, action, 8), 0);
  return action[1];
}

START_TEST(where_nothing_is_caught_all_passes_through)
{
  struct sigaction action;
  dm_dispositions_init();
  for (int i = 0; i < SETTERS; i++)
  {
    ck_assert_ptr_eq(setters[i](SIGUSR1, own), SIG_DFL);
    raise(SIGUSR1);
    ck_assert_int_eq(owned, i + 1);
    setters[i](SIGUSR1, own);
    sigaction(SIGUSR1, NULL, &action);
    ck_assert_ptr_eq(action.sa_handler, own);
    ck_assert_ptr_eq(setters[i](SIGUSR1, SIG_DFL), own);
    errno = 0;
    ck_assert_ptr_eq(setters[i](1000, own), SIG_ERR);
    ck_assert_int_eq(errno, EINVAL);
  }
  ck_assert_int_eq(sigaction(1000, (void *) 8, NULL), -1);
  ck_assert_int_eq(siginterrupt(1000, 1), -1);
}
END_TEST

START_TEST(ours_is_told_as_the_default)
{
  struct sigaction action = {.sa_flags = -1};
  catch_it();
  sigfillset(&action.sa_mask);
  ck_assert_int_eq(sigaction(SIGUSR1, NULL, &action), 0);
  ck_assert_ptr_eq(action.sa_handler, SIG_DFL);
  ck_assert_int_eq(action.sa_flags, 0);
  ck_assert_int_eq(sigisemptyset(&action.sa_mask), 1);
  ck_assert_ptr_null(action.sa_restorer);
  ck_assert_ptr_eq(sigset(SIGUSR1, SIG_HOLD), SIG_DFL);
}
END_TEST

START_TEST(the_default_leaves_ours_in_place)
{
  struct sigaction action = {.sa_flags = SA_RESETHAND}, former;
  catch_it();
  for (int i = 0; i < SETTERS; i++)
    ck_assert_ptr_eq(setters[i](SIGUSR1, SIG_DFL), SIG_DFL);
  ck_assert_int_eq(sigaction(SIGUSR1, &action, &former), 0);
  ck_assert_ptr_eq(former.sa_handler, SIG_DFL);
  ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
  ck_assert(dm_sys_signal_is_caught(SIGUSR1));
  raise(SIGUSR1);
  raise(SIGUSR1);
  ck_assert_int_eq(caught, 2);
}
END_TEST

/* Setter _I, once with a handler and once with SIG_IGN. */
START_TEST(an_own_action_ends_it)
{
  handler_call set = setters[_i % SETTERS];
  sighandler_t wanted = _i < SETTERS ? own : SIG_IGN;
  struct sigaction action;
  catch_it();
  ck_assert_ptr_eq(set(SIGUSR1, wanted), SIG_DFL);
  sigaction(SIGUSR1, NULL, &action);
  ck_assert_ptr_eq(action.sa_handler, wanted);
  raise(SIGUSR1);
  ck_assert_int_eq(owned, wanted == own);
  ck_assert_int_eq(caught, 0);
  set(SIGUSR1, wanted);
  ck_assert_ptr_eq(set(SIGUSR1, SIG_DFL), wanted);
  ck_assert(!dm_sys_signal_is_caught(SIGUSR1));
  ck_assert_ptr_eq(set(SIGUSR1, SIG_DFL), SIG_DFL);
  pid_t child = fork();
  if (child == 0)
  {
    raise(SIGUSR1); /* the default is real now */
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  ck_assert(WIFSIGNALED(status));
}
END_TEST

START_TEST(an_own_sigaction_ends_it)
{
  struct sigaction action = {.sa_handler = own, .sa_flags = SA_NODEFER}, former;
  sigaddset(&action.sa_mask, SIGHUP);
  catch_it();
  ck_assert_int_eq(sigaction(SIGUSR1, &action, &former), 0);
  ck_assert_ptr_eq(former.sa_handler, SIG_DFL);
  ck_assert_int_eq(former.sa_flags, 0);
  ck_assert_int_eq(sigaction(SIGUSR1, &former, &action), 0);
  ck_assert_ptr_eq(action.sa_handler, own);
  ck_assert(action.sa_flags & SA_NODEFER);
  ck_assert_int_eq(sigismember(&action.sa_mask, SIGHUP), 1);
  ck_assert(!dm_sys_signal_is_caught(SIGUSR1));
}
END_TEST

START_TEST(other_signals_only_pass_through)
{
  struct sigaction action;
  catch_it();
  ck_assert_ptr_eq(signal(SIGUSR2, own), SIG_DFL);
  ck_assert_ptr_eq(signal(SIGUSR2, SIG_DFL), own);
  sigaction(SIGUSR2, NULL, &action);
  ck_assert_int_eq(action.sa_flags & SA_RESTART, SA_RESTART);
  ck_assert(!dm_sys_signal_is_caught(SIGUSR2));
  ck_assert(dm_sys_signal_is_caught(SIGUSR1));
}
END_TEST

START_TEST(sigset_unblocks_and_tells)
{
  sigset_t mask;
  catch_it();
  ck_assert_ptr_eq(sigset(SIGUSR1, SIG_HOLD), SIG_DFL);
  sigprocmask(SIG_BLOCK, NULL, &mask);
  ck_assert_int_eq(sigismember(&mask, SIGUSR1), 1);
  ck_assert_ptr_eq(sigset(SIGUSR1, SIG_DFL), SIG_HOLD);
  sigprocmask(SIG_BLOCK, NULL, &mask);
  ck_assert_int_eq(sigismember(&mask, SIGUSR1), 0);
  ck_assert(dm_sys_signal_is_caught(SIGUSR1));
}
END_TEST

/* It says how the program's later handlers shall be. */
START_TEST(ours_never_interrupts)
{
  catch_it();
  ck_assert_int_eq(siginterrupt(SIGUSR1, 1), 0);
  ck_assert(dm_sys_signal_is_caught(SIGUSR1));
  ck_assert_uint_eq(kernel_flags() & SA_RESTART, SA_RESTART);
  signal(SIGUSR1, own);
  ck_assert_uint_eq(kernel_flags() & SA_RESTART, 0);
  ck_assert_int_eq(siginterrupt(SIGUSR1, 0), 0);
  ck_assert_uint_eq(kernel_flags() & SA_RESTART, SA_RESTART);
  ck_assert_int_eq(siginterrupt(SIGUSR1, 1), 0);
  ck_assert_uint_eq(kernel_flags() & SA_RESTART, 0);
}
END_TEST

/* A child of vfork has our memory, and actions of its own. */
START_TEST(children_have_their_own)
{
  int status;
  catch_it();
  pid_t child = vfork();
  if (child == 0)
    _exit(signal(SIGUSR1, own) == SIG_DFL && signal(SIGUSR1, own) == own);
  waitpid(child, &status, 0);
  ck_assert_int_eq(WEXITSTATUS(status), 1);
  ck_assert(dm_sys_signal_is_caught(SIGUSR1));
  child = fork();
  if (child == 0)
    _exit(dm_sys_signal_is_caught(SIGUSR1) && signal(SIGUSR1, own) == SIG_DFL &&
          signal(SIGUSR1, own) == own);
  waitpid(child, &status, 0);
  ck_assert_int_eq(WEXITSTATUS(status), 1);
  ck_assert_ptr_eq(signal(SIGUSR1, SIG_DFL), SIG_DFL);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {where_nothing_is_caught_all_passes_through,
                                ours_is_told_as_the_default,
                                the_default_leaves_ours_in_place,
                                an_own_sigaction_ends_it,
                                other_signals_only_pass_through,
                                sigset_unblocks_and_tells,
                                ours_never_interrupts,
                                children_have_their_own,
                                NULL};
  Suite *suite = make_suite("dispositions", NULL, tests);
  TCase *each = tcase_create("each");
  tcase_add_loop_test(each, an_own_action_ends_it, 0, 2 * SETTERS);
  suite_add_tcase(suite, each);
  return run_suite(suite);
}
