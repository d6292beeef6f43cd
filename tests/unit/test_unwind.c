/* test_unwind.c -- from a stack to its callsite, by rules that the test gives
   and over stacks that it makes up. */

#include "hook/unwind.h"

#include "books/callsites.h"
#include "fake_rules.h"
#include "runner.h"
#include "unwind_rig.h"

START_TEST(frames_by_stack_pointer)
{
  for (unsigned depth = 1; depth < 30; depth++)
  {
    make_plain_stack(depth);
    check_frames(depth + 1);
  }
  ck_assert_uint_eq(mishaps->unwind_failed, 0);
  ck_assert_uint_eq(dm_callsites_cut(), 0);
}
END_TEST

START_TEST(frames_of_all_kinds)
{
  make_mixed_stack();
  check_frames(5);
  ck_assert_uint_eq(mishaps->unwind_failed, 0);
}
END_TEST

START_TEST(a_return_address_of_zero_ends_a_stack)
{
  make_plain_stack(5);
  stack[top - 1] = 0;
  expected_count = 5;
  check_frames(5);
  ck_assert_uint_eq(mishaps->unwind_failed, 0);
}
END_TEST

START_TEST(stacks_without_an_end)
{
  make_plain_stack(5);
  fake_rules[4] = make_rule(DM_RULE_UNKNOWN, 0, DM_RBP_SAME, 0);
  check_frames(3);
  ck_assert_uint_eq(mishaps->unwind_failed, 1);
  check_frames(3);
  ck_assert_uint_eq(mishaps->unwind_failed, 2); /* it is tried again */
}
END_TEST

START_TEST(signal_frames)
{
  make_plain_stack(3);
  /* 3 is the kernel's frame: the words of the context from its word 10 on. */
  fake_rules[3] = make_rule(DM_RULE_SIGNAL, 10, DM_RBP_SAME, 0);
  begin(code_address(2, 0));
  push(3, code_address(3, 0));
  unsigned context = top + 10;
  unsigned interrupted = top + 60;
  stack[context] = (uintptr_t) (stack + interrupted);
  stack[context + 1] = code_address(4, 7) - 1; /* the very instruction */
  expected[expected_count++] = stack[context + 1];
  top = interrupted;
  fake_rules[4] = make_rule(DM_RULE_RSP, 5, DM_RBP_SAME, 0);
  push(5, code_address(1, 0));
  uint32_t site = check_frames(4);
  unsigned count;
  const dm_frame *frames = dm_callsite_frames(site, &count);
  ck_assert(frames[2] & DM_FRAME_INTERRUPTED);
  ck_assert_uint_eq(dm_frame_pc(frames[2]), code_address(4, 7) - 1);
  ck_assert(!(frames[1] & DM_FRAME_INTERRUPTED));
  ck_assert_uint_eq(dm_frame_pc(frames[1]), code_address(3, 0) - 1);
}
END_TEST

/* Interrupted in its epilogue, 4 has taken what it saved from the stack: unwind
   information still finds it there, WORDS_ below. */
static unsigned
count_from_epilogue(int words)
{
  begin(code_address(2, 0));
  push(3, code_address(3, 0));
  unsigned context = top + 10;
  unsigned interrupted = top + 60;
  stack[context] = (uintptr_t) (stack + interrupted);
  stack[context + 1] = code_address(4, 7);
  fake_rules[4] = make_rule(DM_RULE_RSP, 1, DM_RBP_AT_CFA, -1 - words);
  stack[interrupted - (unsigned) words] =
      (uintptr_t) (stack + interrupted + 20);
  stack[interrupted] = code_address(5, 0);
  fake_rules[5] = make_rule(DM_RULE_RBP, 2, DM_RBP_AT_CFA, -2);
  stack[interrupted + 21] = code_address(1, 0);
  unsigned count;
  dm_callsite_frames(find(), &count);
  return count;
}

START_TEST(what_is_below_the_stack_pointer)
{
  fake_rules[2] = make_rule(DM_RULE_RSP, 3, DM_RBP_SAME, 0);
  fake_rules[3] = make_rule(DM_RULE_SIGNAL, 10, DM_RBP_SAME, 0);
  for (int words = 1; words <= 16; words++)
    ck_assert_uint_eq(count_from_epilogue(words), 5);
  ck_assert_uint_eq(mishaps->unwind_failed, 0);
  ck_assert_uint_eq(count_from_epilogue(17), 3);
  ck_assert_uint_eq(mishaps->unwind_failed, 1);
}
END_TEST

/* Code without unwind information that keeps a frame pointer, or does not. */
START_TEST(guesses)
{
  fake_rules[2] = make_rule(DM_RULE_GUESS, 0, DM_RBP_SAME, 0);
  begin(code_address(2, 0));
  rbp_register = (uintptr_t) (stack + top + 4);
  stack[top + 4] = (uintptr_t) (stack + top + 16);
  unsigned first = top;
  push(6, code_address(2, 1));
  push(12, code_address(1, 0));
  ck_assert_uint_eq(stack[first + 5], code_address(2, 1));
  check_frames(3);

  /* No frame pointer: it was the outermost, as far as anyone can know. */
  static const uintptr_t bad[] = {0, 1, 0x4711, UINTPTR_MAX - 7};
  for (unsigned i = 0; i < 4; i++)
  {
    rbp_register = bad[i];
    check_frames(1);
  }
  rbp_register = (uintptr_t) (stack + START - 1); /* below the frame */
  check_frames(1);
  rbp_register = (uintptr_t) (stack + WORDS - 1); /* far above it */
  check_frames(1);
}
END_TEST

START_TEST(what_only_libunwind_knows)
{
  make_plain_stack(4);
  fake_rules[4] = make_rule(DM_RULE_OPAQUE, 0, DM_RBP_SAME, 0);
  for (unsigned i = 0; i < 10; i++)
    fake_whole[i] = expected[i] = code_address(2 + i, 3);
  fake_whole_count = 10;
  check_frames(10);
  check_frames(10);
  ck_assert_uint_eq(fake_whole_asked, 2); /* such stacks are not kept */
  fake_whole_count = 0;                   /* it cannot be asked now */
  make_plain_stack(4);
  fake_rules[4] = make_rule(DM_RULE_OPAQUE, 0, DM_RBP_SAME, 0);
  check_frames(3);
  ck_assert_uint_eq(mishaps->unwind_failed, 1);
}
END_TEST

START_TEST(the_depth_is_kept)
{
  static const unsigned depths[] = {1, 2, 31, 32, 63, 64};
  for (unsigned i = 0; i < sizeof depths / sizeof *depths; i++)
  {
    unsigned depth = depths[i];
    dm_unwind_init(depth, false, 0);
    dm_callsites_generation++;
    make_plain_stack(depth - 1); /* just fits */
    uint32_t cut = dm_callsites_cut();
    check_frames(depth);
    ck_assert_uint_eq(dm_callsites_cut(), cut);
    make_plain_stack(depth);
    uint32_t site = check_frames(depth);
    ck_assert_uint_eq(dm_callsites_cut(), cut + 1);
    ck_assert_uint_eq(check_frames(depth), site);
    ck_assert_uint_eq(dm_callsites_cut(), cut + 1);
  }
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {frames_by_stack_pointer,
                                frames_of_all_kinds,
                                a_return_address_of_zero_ends_a_stack,
                                stacks_without_an_end,
                                signal_frames,
                                what_is_below_the_stack_pointer,
                                guesses,
                                what_only_libunwind_knows,
                                the_depth_is_kept,
                                NULL};
  return run_suite(make_suite("unwind", unwind_setup, tests));
}
