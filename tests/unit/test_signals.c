/* test_signals.c -- signal names and numbers, compared with libc's. */

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/signals.h"
#include "runner.h"

static const char *
name_of(int signal)
{
  static char buffer[32];
  struct dm_text text;
  dm_text_init(&text, buffer, sizeof buffer - 1);
  dm_signal_name(&text, signal);
  buffer[text.length] = '\0';
  return buffer;
}

START_TEST(test_signal_names)
{
  ck_assert_str_eq(name_of(SIGUSR1), "SIGUSR1");
  ck_assert_str_eq(name_of(SIGABRT), "SIGABRT");
  ck_assert_str_eq(name_of(SIGCHLD), "SIGCHLD");
  ck_assert_str_eq(name_of(SIGRTMIN), "SIGRTMIN");
  ck_assert_str_eq(name_of(SIGRTMIN + 5), "SIGRTMIN+5");
  ck_assert_str_eq(name_of(64), "SIGRTMIN+30");
  ck_assert_str_eq(name_of(32), "signal 32");
  ck_assert_str_eq(name_of(77), "signal 77");
  ck_assert_str_eq(name_of(-3), "signal -3");
  /* Every standard signal has the name that libc gives it, and back. */
  for (int signal = 1; signal < 32; signal++)
  {
    char expected[32];
    snprintf(expected, sizeof expected, "SIG%s", sigabbrev_np(signal));
    if (signal != SIGPOLL)
      ck_assert_str_eq(name_of(signal), expected);
    ck_assert_int_eq(dm_signal_number(expected), signal);
  }
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++)
    ck_assert_int_eq(dm_signal_number(name_of(signal)), signal);
}
END_TEST

static Suite *
make_signals_suite(void)
{
  Suite *suite = suite_create("signals");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, test_signal_names);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_signals_suite());
}
