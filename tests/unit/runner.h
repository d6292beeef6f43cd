/* runner.h -- what every test program of one suite does. */

#ifndef DM_TESTS_UNIT_RUNNER_H
#define DM_TESTS_UNIT_RUNNER_H

#include <check.h>
#include <stddef.h>

/* Runs SUITE, each test in a process of its own: the books are static, and
   every test starts with empty ones. Returns the program's status. */
static inline int
run_suite(Suite *suite)
{
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}

/* A suite NAME of one case with the TESTS up to NULL; SETUP runs before each
   of them, in its process. */
static inline Suite *
make_suite(const char *name, void (*setup)(void), const TTest *const *tests)
{
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create(name);
  tcase_set_timeout(tcase, 600);
  if (setup)
    tcase_add_checked_fixture(tcase, setup, NULL);
  for (; *tests; tests++)
    tcase_add_test(tcase, *tests);
  suite_add_tcase(suite, tcase);
  return suite;
}

/* A small random number generator (Marsaglia's xorshift64*, public), so that
   a failure comes again. */
static inline unsigned long
next_random(unsigned long *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1dul;
}

#endif
