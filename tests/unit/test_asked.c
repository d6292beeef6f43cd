/* test_asked.c -- dumps that were asked for and not made yet. */

#include "dump/asked.h"

#include <pthread.h>
#include <signal.h>

#include "runner.h"

/* Takes all that is there. Returns how many; the values are added to *SUM. */
static unsigned
take_all(uint64_t *sum)
{
  unsigned count = 0;
  int signal;
  uint32_t value;
  for (unsigned i = 0; i < DM_ASKED_PLACES; i++)
    if (dm_asked_take(i, &signal, &value))
    {
      ck_assert_int_eq(signal, SIGUSR1);
      *sum += value;
      count++;
    }
  return count;
}

START_TEST(comes_back_as_it_was)
{
  int signal;
  uint32_t value;
  ck_assert(!dm_asked_any());
  int place = dm_asked_put(SIGRTMAX, UINT32_MAX);
  ck_assert_int_ge(place, 0);
  ck_assert(dm_asked_any());
  ck_assert(dm_asked_take((unsigned) place, &signal, &value));
  ck_assert_int_eq(signal, SIGRTMAX);
  ck_assert_uint_eq(value, UINT32_MAX);
  ck_assert(!dm_asked_any());
  ck_assert(!dm_asked_take((unsigned) place, &signal, &value));
}
END_TEST

START_TEST(only_those_without_a_value_are_one)
{
  uint64_t sum = 0;
  int place = dm_asked_put(SIGUSR1, 0);
  ck_assert_int_eq(dm_asked_put(SIGUSR1, 0), place);
  ck_assert_int_ne(dm_asked_put(SIGUSR1, 7), place);
  dm_asked_put(SIGUSR1, 7);
  ck_assert_uint_eq(take_all(&sum), 3);
  ck_assert_uint_eq(sum, 14);
}
END_TEST

START_TEST(full_until_one_is_taken)
{
  int signal;
  uint32_t value;
  uint64_t sum = 0;
  for (uint32_t i = 1; i <= DM_ASKED_PLACES; i++)
    ck_assert_int_ge(dm_asked_put(SIGUSR1, i), 0);
  ck_assert_int_eq(dm_asked_put(SIGUSR1, 99), -1);
  ck_assert_int_eq(dm_asked_put(SIGUSR1, 0), -1);
  ck_assert(dm_asked_take(5, &signal, &value));
  ck_assert_int_eq(dm_asked_put(SIGUSR1, value), 5);
  ck_assert_uint_eq(take_all(&sum), DM_ASKED_PLACES);
  ck_assert_uint_eq(sum, DM_ASKED_PLACES * (DM_ASKED_PLACES + 1) / 2);
}
END_TEST

START_TEST(taken_back_only_by_who_asked)
{
  int signal;
  uint32_t value;
  int place = dm_asked_put(SIGUSR1, 1);
  dm_asked_take_back(place, SIGUSR1, 2); /* another's stands there */
  ck_assert(dm_asked_any());
  dm_asked_take_back(place, SIGUSR1, 1);
  ck_assert(!dm_asked_take((unsigned) place, &signal, &value));
}
END_TEST

START_TEST(a_child_forgets)
{
  dm_asked_put(SIGUSR1, 0);
  dm_asked_put(SIGUSR1, 1);
  dm_asked_forget();
  ck_assert(!dm_asked_any());
}
END_TEST

enum
{
  THREADS = 4,
  EACH = 20000
};

static void *
ask(void *first)
{
  uint32_t value = (uint32_t) (uintptr_t) first;
  for (unsigned i = 0; i < EACH; i++)
    while (dm_asked_put(SIGUSR1, value + i) < 0)
      ;
  return NULL;
}

/* Each is taken once, whoever asks meanwhile. */
START_TEST(none_is_lost_or_taken_twice)
{
  pthread_t thread[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&thread[i], NULL, ask, (void *) (1 + i * EACH));
  unsigned count = 0;
  uint64_t sum = 0, all = (uint64_t) THREADS * EACH;
  while (count < all)
    count += take_all(&sum);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(thread[i], NULL);
  ck_assert_uint_eq(sum, all * (all + 1) / 2);
  ck_assert(!dm_asked_any());
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {comes_back_as_it_was,
                                only_those_without_a_value_are_one,
                                full_until_one_is_taken,
                                taken_back_only_by_who_asked,
                                a_child_forgets,
                                none_is_lost_or_taken_twice,
                                NULL};
  return run_suite(make_suite("asked", NULL, tests));
}
