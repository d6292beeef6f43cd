/* unwind_rig.c -- stacks that are made up, for rules that are. */

#include "unwind_rig.h"

#include <check.h>

#include "base/sys.h"
#include "books/callsites.h"
#include "fake_clock.h"
#include "fake_rules.h"

uintptr_t *stack;
struct dm_thread *thread;
struct dm_mishaps *mishaps;

void
unwind_setup(void)
{
  fake_clock_set(1);
  ck_assert_int_eq(dm_callsites_init(CAP), 0);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
  size_t size = WORDS * sizeof *stack;
  stack = dm_sys_map(size + 4096);
  ck_assert_ptr_nonnull(stack);
  ck_assert_int_eq(dm_sys_protect_none(stack + WORDS, 4096), 0);
  thread = dm_sys_map(sizeof *thread);
  ck_assert(dm_memo_init(&thread->memo));
  thread->ledger = dm_ledger_new();
  mishaps = &thread->ledger->mishaps;
  thread->stack_low = (uintptr_t) stack;
  thread->stack_high = (uintptr_t) (stack + WORDS);
  dm_unwind_init(32, false, 0);
  /* Function 1 is the outermost. */
  fake_rules[1] = make_rule(DM_RULE_END, 0, DM_RBP_SAME, 0);
}

unsigned top;
uintptr_t expected[64];
unsigned expected_count;
uintptr_t rbp_register;

void
begin(uintptr_t address)
{
  stack[START] = expected[0] = address;
  expected_count = 1;
  top = START + 1;
  rbp_register = 0;
}

void
push(unsigned length, uintptr_t address)
{
  top += length;
  stack[top - 1] = address;
  if (expected_count < 64)
    expected[expected_count++] = address;
}

uint32_t
find(void)
{
  stack[START - 1] = rbp_register;
  struct dm_caller caller = {stack + START - 1};
  return dm_cell_callsite(dm_unwind_cell(thread, caller, 0));
}

uint32_t
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

void
make_plain_stack(unsigned depth)
{
  for (unsigned i = 2; i < depth + 2; i++)
    fake_rules[i] = make_rule(DM_RULE_RSP, (int) i + 1, DM_RBP_SAME, 0);
  begin(code_address(2, 0));
  for (unsigned i = 2; i < depth + 2; i++)
    push(i + 1, code_address(i < depth + 1 ? i + 1 : 1, i));
}

void
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
