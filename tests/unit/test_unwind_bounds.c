/* test_unwind_bounds.c -- how much of a stack is read, and the comparison with
   libunwind. */

#include "hook/unwind.h"

#include <string.h>

#include "fake_rules.h"
#include "runner.h"
#include "unwind_rig.h"

static void
look_beyond_the_end(void)
{
  /* Each kind of rule, leading from the last words of the stack beyond it. */
  static const int offsets[] = {1, 2, 100, 511, 512, 100000, 0x7fffff, -5};
  for (unsigned kind = DM_RULE_RSP; kind <= DM_RULE_SIGNAL; kind++)
    for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++)
      for (unsigned rbp = 0; rbp < 4; rbp++)
      {
        fake_rules[2] = make_rule((enum dm_rule_kind) kind, offsets[i],
                                  (enum dm_rule_rbp) rbp, 1000);
        for (unsigned place = WORDS - 3; place < WORDS; place++)
        {
          stack[place] = code_address(2, place);
          stack[place - 1] = (uintptr_t) (stack + WORDS - 1); /* rbp */
          struct dm_caller caller = {stack + place - 1};
          dm_unwind_cell(thread, caller, 0);
        }
      }
  ck_assert_uint_gt(mishaps->unwind_failed, 0);
}

START_TEST(nothing_beyond_the_end_is_read)
{
  look_beyond_the_end();
}
END_TEST

/* Another stack than the thread's own, whatever unwind information says. */
START_TEST(nothing_beyond_an_unknown_end_is_read)
{
  thread->stack_low = UINTPTR_MAX;
  thread->stack_high = 0;
  look_beyond_the_end();
}
END_TEST

/* One frame after another of half a page, and one of several pages. */
START_TEST(pages_of_a_stack_whose_end_is_unknown)
{
  thread->stack_low = UINTPTR_MAX;
  thread->stack_high = 0;
  thread->pointer = (uintptr_t) stack + (1 << 30);
  fake_rules[2] = make_rule(DM_RULE_RSP, 256, DM_RBP_AT_CFA, -2);
  fake_rules[3] = make_rule(DM_RULE_RSP, 1800, DM_RBP_AT_RSP, 0);
  begin(code_address(2, 0));
  for (unsigned i = 0; i < 8; i++)
    push(256, code_address(i < 7 ? 2 : 3, i));
  push(1800, code_address(1, 0));
  check_frames(10);
  ck_assert_uint_eq(mishaps->unwind_failed, 0);
}
END_TEST

/* The stack became shorter (another thread's, who changes the salt when it takes
   this place): the memo reads no further than it now goes. */
START_TEST(the_memo_reads_nothing_beyond_the_end)
{
  make_plain_stack(10);
  uint32_t site = check_frames(11);
  thread->stack_high = (uintptr_t) (stack + top - 2);
  thread->memo.salt += UINT64_C(1) << 32;
  fake_lookups = 0;
  find();
  ck_assert_uint_gt(fake_lookups, 0);
  thread->stack_high = (uintptr_t) (stack + WORDS);
  ck_assert_uint_eq(find(), site);
}
END_TEST

/* A thread's own stack is found out by the first walk that sees its end. */
START_TEST(the_stack_is_learned)
{
  make_plain_stack(10);
  thread->stack_low = UINTPTR_MAX;
  thread->stack_high = 0;
  thread->pointer = (uintptr_t) (stack + top + 100);
  uint32_t site = check_frames(11);
  ck_assert_uint_le(thread->stack_low, (uintptr_t) (stack + START));
  ck_assert_uint_ge(thread->stack_high, (uintptr_t) (stack + top));
  ck_assert_uint_le(thread->stack_high, (uintptr_t) (stack + WORDS));
  for (unsigned i = 0; i < 2; i++)
    ck_assert_uint_eq(find(), site); /* kept, then made a shape of */
  fake_lookups = 0;
  ck_assert_uint_eq(find(), site);
  ck_assert_uint_eq(fake_lookups, 0);
}
END_TEST

START_TEST(another_stack_is_not_taken_for_the_threads_own)
{
  make_plain_stack(10);
  thread->stack_low = UINTPTR_MAX;
  thread->stack_high = 0;
  thread->pointer = (uintptr_t) (stack + top) + (1 << 30);
  for (unsigned i = 0; i < 3; i++)
  {
    fake_lookups = 0;
    check_frames(11);
    ck_assert_uint_gt(fake_lookups, 0); /* the memo is not used on it */
  }
  ck_assert_uint_eq(thread->stack_low, UINTPTR_MAX);
  ck_assert_uint_eq(thread->stack_high, 0);
}
END_TEST

START_TEST(a_deep_stack_is_learned_beyond_what_is_recorded)
{
  dm_unwind_init(5, false, 0);
  make_plain_stack(50);
  thread->stack_low = UINTPTR_MAX;
  thread->stack_high = 0;
  thread->pointer = (uintptr_t) (stack + top + 100);
  check_frames(5);
  ck_assert_uint_ge(thread->stack_high, (uintptr_t) (stack + top));
}
END_TEST

/* --------------------------------------------------------------------------
   DMALLOC_VERIFY */

START_TEST(verifying)
{
  dm_unwind_init(32, true, 0);
  make_plain_stack(10);
  memcpy(fake_whole, expected, sizeof fake_whole);
  fake_whole_count = 11;
  for (uint64_t i = 1; i <= 3; i++)
  {
    check_frames(11);
    ck_assert_uint_eq(mishaps->verified, i);
    ck_assert_uint_eq(mishaps->differing, 0);
  }
  fake_whole[7]++;
  check_frames(11);
  ck_assert_uint_eq(mishaps->differing, 1);
  fake_whole[7]--;
  fake_whole_count = 10;
  check_frames(11);
  ck_assert_uint_eq(mishaps->differing, 2);
  ck_assert_uint_eq(mishaps->verified, 5);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {nothing_beyond_the_end_is_read,
                                nothing_beyond_an_unknown_end_is_read,
                                pages_of_a_stack_whose_end_is_unknown,
                                the_memo_reads_nothing_beyond_the_end,
                                the_stack_is_learned,
                                another_stack_is_not_taken_for_the_threads_own,
                                a_deep_stack_is_learned_beyond_what_is_recorded,
                                verifying,
                                NULL};
  return run_suite(make_suite("unwind_bounds", unwind_setup, tests));
}
