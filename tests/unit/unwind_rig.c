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
