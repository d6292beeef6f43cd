/* test_rule_rows.c -- the stretches of code that frame rules hold for. */

#include "hook/rule_rows.h"

#include <pthread.h>

#include "base/sys.h"
#include "fake_rules.h"
#include "runner.h"

unsigned dm_rule_lines = 256;

enum
{
  CODE = 0x400000, /* where a piece begins */
  PIECE = 2048,
  WAYS = 4
};

static void
keep(uintptr_t pc, uintptr_t start, uintptr_t end, dm_rule rule)
{
  dm_row_keep(pc, (struct dm_code){start, end}, rule);
}

static void
setup(void)
{
  ck_assert(dm_rows_init());
}

START_TEST(a_row_has_its_addresses_and_no_other)
{
  const uintptr_t start = CODE + 100, end = CODE + 200;
  ck_assert_uint_eq(dm_row_find(start), DM_RULE_UNKNOWN);
  keep(start + 17, start, end, rule_of(1, 5));
  for (uintptr_t pc = CODE - PIECE; pc < CODE + 2 * PIECE; pc++)
    ck_assert_uint_eq(dm_row_find(pc), pc >= start && pc < end
                                           ? rule_of(1, 5)
                                           : DM_RULE_UNKNOWN);
  /* So far away that it has the same line. */
  ck_assert_uint_eq(dm_row_find(start + (uintptr_t) PIECE * DM_RULE_LINES),
                    DM_RULE_UNKNOWN);
}
END_TEST

START_TEST(rows_side_by_side)
{
  for (unsigned i = 0; i < WAYS; i++)
    keep(CODE + i, CODE + i, CODE + i + 1, rule_of(1, i));
  keep(CODE + WAYS, CODE + WAYS, CODE + WAYS + 1, rule_of(1, WAYS));
  for (unsigned i = 0; i < WAYS; i++)
    ck_assert_uint_eq(dm_row_find(CODE + i), rule_of(1, i));
  ck_assert_uint_eq(dm_row_find(CODE + WAYS), DM_RULE_UNKNOWN); /* no room */
}
END_TEST

/* Each piece has its part, when it was needed there. */
START_TEST(a_row_over_many_pieces)
{
  const uintptr_t start = CODE + PIECE - 1, end = CODE + 5 * PIECE + 1;
  for (uintptr_t pc = start; pc < end; pc += PIECE)
  {
    ck_assert_uint_eq(dm_row_find(pc), DM_RULE_UNKNOWN);
    keep(pc, start, end, rule_of(1, 7));
    ck_assert_uint_eq(dm_row_find(pc), rule_of(1, 7));
  }
  keep(end - 1, start, end, rule_of(1, 7));
  for (uintptr_t pc = start - PIECE; pc < end + PIECE; pc++)
    ck_assert_uint_eq(dm_row_find(pc), pc >= start && pc < end
                                           ? rule_of(1, 7)
                                           : DM_RULE_UNKNOWN);
}
END_TEST

START_TEST(a_module_is_forgotten)
{
  keep(CODE, CODE, CODE + 10, rule_of(1, 1));
  keep(CODE + 10, CODE + 10, CODE + 20, rule_of(2, 2));
  dm_rows_forget(1);
  ck_assert_uint_eq(dm_row_find(CODE), DM_RULE_UNKNOWN);
  ck_assert_uint_eq(dm_row_find(CODE + 10), rule_of(2, 2));
  for (unsigned i = 0; i < WAYS; i++)
    keep(CODE + 20 + i, CODE + 20 + i, CODE + 21 + i, rule_of(3, i));
  for (unsigned i = 0; i < WAYS - 1; i++)
    ck_assert_uint_eq(dm_row_find(CODE + 20 + i), rule_of(3, i));
}
END_TEST

/* With more rules, more lines are used; what was known stays known. */
START_TEST(it_grows_with_the_rules)
{
  /* The same line out of 64, and another out of 256. */
  const uintptr_t far = CODE + (uintptr_t) PIECE * 64;
  keep(CODE, CODE, CODE + 10, rule_of(1, 1));
  for (unsigned i = 1; i < WAYS; i++)
    keep(far, far, far + 10, rule_of(1, 2));
  for (dm_rule_lines = 256; dm_rule_lines <= DM_RULE_LINES; dm_rule_lines *= 4)
  {
    ck_assert_uint_eq(dm_row_find(CODE), rule_of(1, 1));
    ck_assert_uint_eq(dm_row_find(far), rule_of(1, 2));
    ck_assert_uint_eq(dm_row_find(far + 10), DM_RULE_UNKNOWN);
  }
  dm_rule_lines = 1024;
  keep(far + 10, far + 10, far + 20, rule_of(1, 3));
  ck_assert_uint_eq(dm_row_find(far + 10), rule_of(1, 3));
  dm_rows_forget(1);
  ck_assert_uint_eq(dm_row_find(CODE), DM_RULE_UNKNOWN);
  ck_assert_uint_eq(dm_row_find(far + 10), DM_RULE_UNKNOWN);
}
END_TEST

START_TEST(without_memory)
{
  dm_sys_fail_after(1, false);
  ck_assert(!dm_rows_init());
}
END_TEST

/* --------------------------------------------------------------------------
   Threads: a row of 16 bytes has its own number for a rule, in any module; so
   whatever is found can be checked. */

static void *
use_rows(void *seed)
{
  unsigned long state = (unsigned long) (uintptr_t) seed;
  unsigned long found = 0;
  for (unsigned i = 0; i < 200000; i++)
  {
    unsigned long random = next_random(&state) >> 8;
    uintptr_t pc = CODE + random % 1024;
    unsigned number = (unsigned) (pc - CODE) / 16, module = 1 + i % 3;
    dm_rule rule = dm_row_find(pc);
    if (rule != DM_RULE_UNKNOWN)
      ck_assert_uint_eq(rule_of(dm_rule_module(rule), number), rule);
    else
      keep(pc, pc / 16 * 16, pc / 16 * 16 + 16, rule_of(module, number));
    found += rule != DM_RULE_UNKNOWN;
    if (random >> 32 & 1)
      dm_rows_forget(module);
  }
  ck_assert_uint_gt(found, 0);
  return NULL;
}

START_TEST(threads)
{
  pthread_t thread[4];
  for (uintptr_t i = 0; i < 4; i++)
    ck_assert_int_eq(
        pthread_create(&thread[i], NULL, use_rows, (void *) (i + 1)), 0);
  for (unsigned i = 0; i < 4; i++)
    pthread_join(thread[i], NULL);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {a_row_has_its_addresses_and_no_other,
                                rows_side_by_side,
                                a_row_over_many_pieces,
                                a_module_is_forgotten,
                                it_grows_with_the_rules,
                                without_memory,
                                threads,
                                NULL};
  return run_suite(make_suite("rule_rows", setup, tests));
}
