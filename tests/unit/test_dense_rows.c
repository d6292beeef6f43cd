/* test_dense_rows.c -- the rules of functions that have very many rows. */

#include "hook/dense_rows.h"

#include <pthread.h>

#include "fake_rules.h"
#include "runner.h"

enum
{
  CODE = 0x400000,
  ROWS = 5000
};

/* Where row I begins: rows of 1, 2, 3, 1, ... bytes. */
static uintptr_t
start_of(unsigned i)
{
  return CODE + i / 3 * 6 + (i % 3) * (i % 3 + 1) / 2;
}

/* Adds ROWS rows of MODULE that have KINDS rules in turn. */
static void
add_rows(unsigned module, unsigned kinds)
{
  struct dm_dense_writer writer = {NULL};
  for (unsigned i = 0; i < ROWS; i++)
  {
    unsigned kind = i % kinds;
    dm_rule like = dm_dense_like(&writer, kind + 100);
    ck_assert(like == DM_RULE_UNKNOWN || like == rule_of(module, kind));
    struct dm_code code = {start_of(i), start_of(i + 1)};
    ck_assert(dm_dense_add(&writer, code, kind + 100, rule_of(module, kind)));
  }
  dm_dense_end(&writer);
}

static void
check_rows(unsigned module, unsigned kinds)
{
  ck_assert_uint_eq(dm_dense_find(CODE - 1), DM_RULE_UNKNOWN);
  for (unsigned i = 0; i < ROWS; i++)
    for (uintptr_t pc = start_of(i); pc < start_of(i + 1); pc++)
      ck_assert_uint_eq(dm_dense_find(pc), rule_of(module, i % kinds));
  ck_assert_uint_eq(dm_dense_find(start_of(ROWS)), DM_RULE_UNKNOWN);
}

START_TEST(rows_have_their_addresses_and_no_others)
{
  add_rows(1, 7);
  check_rows(1, 7);
}
END_TEST

/* More than a page has room for. */
START_TEST(many_rules)
{
  add_rows(1, 999);
  check_rows(1, 999);
}
END_TEST

START_TEST(nothing_is_found_before_the_end)
{
  struct dm_dense_writer writer = {NULL};
  struct dm_code code = {CODE, CODE + 10};
  ck_assert(dm_dense_add(&writer, code, 1, rule_of(1, 1)));
  ck_assert_uint_eq(dm_dense_find(CODE), DM_RULE_UNKNOWN);
  ck_assert_uint_eq(dm_dense_like(&writer, 1), rule_of(1, 1));
  dm_dense_end(&writer);
  ck_assert_uint_eq(dm_dense_find(CODE), rule_of(1, 1));
  ck_assert_uint_eq(dm_dense_like(&writer, 1), DM_RULE_UNKNOWN);
  dm_dense_end(&writer); /* nothing was added */
}
END_TEST

/* Code farther apart than a word can say. */
START_TEST(rows_far_apart)
{
  enum
  {
    FAR = 1 << 26
  };
  struct dm_dense_writer writer = {NULL};
  for (uintptr_t i = 0; i < 10; i++)
  {
    struct dm_code code = {CODE + i * FAR, CODE + (i + 1) * FAR};
    ck_assert(dm_dense_add(&writer, code, i, rule_of(1, (unsigned) i)));
  }
  dm_dense_end(&writer);
  for (uintptr_t i = 0; i < 10; i++)
  {
    ck_assert_uint_eq(dm_dense_find(CODE + i * FAR), rule_of(1, (unsigned) i));
    ck_assert_uint_eq(dm_dense_find(CODE + (i + 1) * FAR - 1),
                      rule_of(1, (unsigned) i));
  }
}
END_TEST

/* Another module is where one was unloaded. */
START_TEST(forgotten_modules)
{
  add_rows(1, 3);
  dm_dense_forget(2);
  check_rows(1, 3);
  dm_dense_forget(1);
  ck_assert_uint_eq(dm_dense_find(CODE), DM_RULE_UNKNOWN);
  add_rows(2, 5);
  check_rows(2, 5);
}
END_TEST

/* What found its place stays. */
START_TEST(a_bound_of_pages)
{
  struct dm_dense_writer writer = {NULL};
  unsigned added = 0;
  struct dm_code code = {CODE, CODE + 1};
  while (dm_dense_add(&writer, code, added, rule_of(1, added)))
  {
    code = (struct dm_code){code.end, code.end + 1};
    added++;
  }
  dm_dense_end(&writer);
  ck_assert_uint_ge(added, DM_DENSE_PAGES);
  ck_assert_uint_le(added, DM_DENSE_PAGES * DM_DENSE_PAGE / sizeof(uint32_t));
  for (unsigned i = 0; i < added; i++)
    ck_assert_uint_eq(dm_dense_find(CODE + i), rule_of(1, i));
  ck_assert_uint_eq(dm_dense_find(CODE + added), DM_RULE_UNKNOWN);
  ck_assert(!dm_dense_add(&writer, code, 0, rule_of(1, 0)));
}
END_TEST

/* Threads that learn the same function, while another one forgets it. */
static void *
add_again(void *module)
{
  for (unsigned i = 0; i < 5; i++)
    add_rows((unsigned) (uintptr_t) module, 7);
  return NULL;
}

START_TEST(threads)
{
  enum
  {
    THREADS = 3
  };
  pthread_t id[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&id[i], NULL, add_again, (void *) (i + 1)),
                     0);
  for (unsigned i = 0; i < 1000; i++)
  {
    dm_rule rule = dm_dense_find(start_of(i));
    ck_assert_uint_eq(dm_rule_offset(rule),
                      rule == DM_RULE_UNKNOWN ? 0 : (int) (i % 7));
    dm_dense_forget(i % 2);
  }
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(id[i], NULL);
  dm_dense_forget(1);
  dm_dense_forget(2);
  check_rows(3, 7);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {rows_have_their_addresses_and_no_others,
                                many_rules,
                                nothing_is_found_before_the_end,
                                rows_far_apart,
                                forgotten_modules,
                                a_bound_of_pages,
                                threads,
                                NULL};
  return run_suite(make_suite("dense_rows", NULL, tests));
}
