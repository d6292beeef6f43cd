/* test_unwind.c -- from a stack to its callsite, by rules that the test gives
   and over stacks that it makes up. */

#include "hook/unwind.h"

#include <string.h>

#include "base/sys.h"
#include "books/callsites.h"
#include "fake_clock.h"
#include "fake_rules.h"
#include "runner.h"

enum
{
  CAP = 100000,
  WORDS = 8192 /* of the made-up stack; behind it is a page without access */
};
static uintptr_t *stack;
static struct dm_thread *thread;
static struct dm_mishaps *mishaps;

static void
setup(void)
{
  fake_clock_set(1);
  ck_assert_int_eq(dm_callsites_init(CAP), 0);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
  size_t size = WORDS * sizeof *stack;
  stack = dm_sys_map(size + 4096);
  ck_assert_ptr_nonnull(stack);
  ck_assert_int_eq(dm_sys_protect_none(stack + WORDS, 4096), 0);
  thread = dm_sys_map(sizeof *thread);
  thread->ledger = dm_ledger_new();
  mishaps = &thread->ledger->mishaps;
  thread->stack_low = (uintptr_t) stack;
  thread->stack_high = (uintptr_t) (stack + WORDS);
  dm_unwind_init(32, false, 0);
  /* Function 1 is the outermost. */
  fake_rules[1] = make_rule(DM_RULE_END, 0, DM_RBP_SAME, 0);
}

/* --------------------------------------------------------------------------
   Making stacks. The leaf's return address lies at word START; each frame is
   put on top of what is there. */

enum
{
  START = 100
};
static unsigned top;             /* the first word of the frame that is next */
static uintptr_t expected[64];   /* the addresses, leaf first */
static unsigned expected_count;
static uintptr_t rbp_register;

static void
begin(uintptr_t address)
{
  stack[START] = expected[0] = address;
  expected_count = 1;
  top = START + 1;
  rbp_register = 0;
}

/* The frame so far is WORDS long, and was called from ADDRESS. */
static void
push(unsigned words, uintptr_t address)
{
  top += words;
  stack[top - 1] = address;
  if (expected_count < 64)
    expected[expected_count++] = address;
}

static uint32_t
find(void)
{
  struct dm_caller caller = {.slot = stack + START, .rbp = rbp_register};
  return dm_unwind_callsite(thread, caller);
}

/* Finds the callsite and compares its frames with the first COUNT expected. */
static uint32_t
check_frames(unsigned count)
{
  unsigned found;
  uint32_t site = find();
  const dm_frame *frames = dm_callsite_frames(site, &found);
  ck_assert_uint_eq(found, count);
  for (unsigned i = 0; i < count; i++)
    ck_assert_uint_eq(dm_frame_address(frames[i]), expected[i]);
  return site;
}

/* DEPTH functions 2, 3, ... with frames of 3, 4, ... words, then 1. */
static void
make_plain_stack(unsigned depth)
{
  for (unsigned i = 2; i < depth + 2; i++)
    fake_rules[i] = make_rule(DM_RULE_RSP, (int) i + 1, DM_RBP_SAME, 0);
  begin(code_address(2, 0));
  for (unsigned i = 2; i < depth + 2; i++)
    push(i + 1, code_address(i < depth + 1 ? i + 1 : 1, i));
}

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

/* Function 2 is without a frame pointer and leaves rbp as it was; 3 has one;
   4 saves rbp and uses it for something else; 5 has a realigned frame. */
static void
make_mixed_stack(void)
{
  fake_rules[2] = make_rule(DM_RULE_RSP, 5, DM_RBP_SAME, 0);
  fake_rules[3] = make_rule(DM_RULE_RBP, 2, DM_RBP_AT_CFA, -2);
  fake_rules[4] = make_rule(DM_RULE_RSP, 9, DM_RBP_AT_RSP, 3);
  fake_rules[5] = make_rule(DM_RULE_AT_RBP, -1, DM_RBP_AT_RBP, 0);
  begin(code_address(2, 0));
  push(5, code_address(3, 0));
  /* 3's frame of 20 words: its saved rbp below its return address. */
  unsigned saved_by_3 = top + 18;
  rbp_register = (uintptr_t) (stack + saved_by_3);
  push(20, code_address(4, 0));
  unsigned saved_by_4 = top + 3;
  push(9, code_address(5, 0));
  /* 5's rbp: what it saved is there, and below where its frame ends. */
  unsigned base_of_5 = top + 10;
  stack[saved_by_4] = (uintptr_t) (stack + base_of_5);
  stack[saved_by_3] = 0x4711; /* 4's business */
  unsigned end_of_5 = top + 40;
  stack[base_of_5 - 1] = (uintptr_t) (stack + end_of_5);
  stack[base_of_5] = 0;
  push(40, code_address(1, 0));
}

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
    dm_rules_generation++;
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

/* --------------------------------------------------------------------------
   The memo. */

START_TEST(known_stacks_need_no_rules)
{
  make_plain_stack(20);
  uint32_t site = check_frames(21);
  fake_lookups = 0;
  for (unsigned i = 0; i < 100; i++)
    ck_assert_uint_eq(find(), site);
  ck_assert_uint_eq(fake_lookups, 0);
  dm_rules_generation++; /* a module is gone: nothing is believed */
  ck_assert_uint_eq(find(), site);
  ck_assert_uint_gt(fake_lookups, 0);
}
END_TEST

START_TEST(every_return_address_counts)
{
  make_plain_stack(20);
  check_frames(21);
  unsigned word = START;
  for (unsigned i = 0; i < 21; i++)
  {
    /* Another call in the same function. */
    uintptr_t former = expected[i];
    stack[word] = expected[i] = former / 256 * 256 + 200;
    check_frames(21);
    check_frames(21);
    stack[word] = expected[i] = former;
    check_frames(21);
    word += i + 3;
  }
}
END_TEST

START_TEST(every_saved_rbp_counts)
{
  make_mixed_stack();
  check_frames(5);
  /* 3's frame ends two words further up. */
  unsigned saved_by_3 = (unsigned) ((uintptr_t *) rbp_register - stack);
  uintptr_t former = rbp_register;
  rbp_register += 16;
  stack[saved_by_3 + 2] = 0x4711;
  stack[saved_by_3 + 3] = code_address(1, 9);
  expected[2] = code_address(1, 9);
  check_frames(3);
  rbp_register = former;
  make_mixed_stack();
  check_frames(5);
  /* 5's own end is moved, in memory only. */
  unsigned end = top;
  for (unsigned i = START; i < end; i++)
    if (stack[i] == (uintptr_t) (stack + end))
      stack[i] = (uintptr_t) (stack + end - 1);
  stack[end - 2] = code_address(1, 77);
  expected[4] = code_address(1, 77);
  check_frames(5);
}
END_TEST

/* --------------------------------------------------------------------------
   What may be read. */

START_TEST(nothing_beyond_the_end_is_read)
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
          struct dm_caller caller = {.slot = stack + place,
                                     .rbp = (uintptr_t) (stack + WORDS - 1)};
          dm_unwind_callsite(thread, caller);
        }
      }
  ck_assert_uint_gt(mishaps->unwind_failed, 0);
}
END_TEST

/* The stack became shorter (another thread's, at the same place): the memo
   reads no further than it now goes. */
START_TEST(the_memo_reads_nothing_beyond_the_end)
{
  make_plain_stack(10);
  uint32_t site = check_frames(11);
  thread->stack_high = (uintptr_t) (stack + top - 2);
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
  ck_assert_uint_eq(find(), site);
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
  const TTest *const tests[] = {frames_by_stack_pointer,
                                frames_of_all_kinds,
                                a_return_address_of_zero_ends_a_stack,
                                stacks_without_an_end,
                                signal_frames,
                                guesses,
                                what_only_libunwind_knows,
                                the_depth_is_kept,
                                known_stacks_need_no_rules,
                                every_return_address_counts,
                                every_saved_rbp_counts,
                                nothing_beyond_the_end_is_read,
                                the_memo_reads_nothing_beyond_the_end,
                                the_stack_is_learned,
                                another_stack_is_not_taken_for_the_threads_own,
                                a_deep_stack_is_learned_beyond_what_is_recorded,
                                verifying,
                                NULL};
  return run_suite(make_suite("unwind", setup, tests));
}
