/* test_unwind_memo.c -- stacks that the memo knows, and those that only look
   like them; by rules that the test gives, over stacks that it makes up. */

#include "hook/unwind.h"

#include <string.h>

#include "books/callsite_table.h"
#include "books/callsites.h"
#include "fake_rules.h"
#include "hook/shape.h"
#include "runner.h"
#include "single_step.h"
#include "unwind_rig.h"

START_TEST(known_stacks_need_no_rules)
{
  make_plain_stack(20);
  uint32_t site = check_frames(21);
  fake_lookups = 0;
  ck_assert_uint_eq(find(), site);
  ck_assert_uint_eq(fake_lookups, 1); /* all but the leaf was kept */
  fake_lookups = 0;
  for (unsigned i = 0; i < 100; i++)
    ck_assert_uint_eq(find(), site);
  ck_assert_uint_eq(fake_lookups, 0);
  dm_callsites_generation++; /* a module is gone: nothing is believed */
  ck_assert_uint_eq(find(), site);
  ck_assert_uint_gt(fake_lookups, 0);
}
END_TEST

/* A signal handler left a walk by a jump: the next one finds out. */
START_TEST(a_walk_that_never_ended)
{
  for (unsigned depth = 20; depth < 60; depth += 20)
  {
    make_plain_stack(depth);
    uint32_t site = find();
    thread->kept.walking = (uintptr_t) (stack + START);
    dm_callsites_generation++;
    ck_assert_uint_eq(find(), site);
    ck_assert_uint_eq(find(), site);
    fake_lookups = 0;
    ck_assert_uint_eq(find(), site);
    ck_assert_uint_le(fake_lookups, 1);
  }
}
END_TEST

/* Another module is where one was unloaded: no frame keeps the former number. */
START_TEST(the_kept_stack_ends_with_a_module)
{
  enum
  {
    DEPTH = 10,
    OTHER = 7
  };
  make_plain_stack(DEPTH);
  check_frames(DEPTH + 1);
  for (unsigned i = 1; i < DEPTH + 2; i++)
    fake_rules[i] |= (dm_rule) OTHER << DM_FRAME_MODULE_SHIFT;
  dm_callsites_generation++;
  unsigned count;
  const dm_frame *frames = dm_callsite_frames(check_frames(DEPTH + 1), &count);
  for (unsigned i = 0; i < count; i++)
    ck_assert_uint_eq(dm_frame_module(frames[i]), OTHER);
}
END_TEST

/* A stack of three, whose leaf stands where that of the others does; the frame
   of the second is KIND words longer. */
static uint32_t
find_of_kind(unsigned kind)
{
  fake_rules[2] = make_rule(DM_RULE_RSP, 3, DM_RBP_SAME, 0);
  fake_rules[10 + kind] = make_rule(DM_RULE_RSP, 4 + (int) kind, DM_RBP_SAME, 0);
  begin(code_address(2, 0));
  push(3, code_address(10 + kind, 0));
  push(4 + kind, code_address(1, 0));
  return find();
}

/* Two of them have room in the memo at once: those that come now. */
START_TEST(shapes_that_take_turns)
{
  enum
  {
    TURNS = 200
  };
  uint32_t sites[4];
  for (unsigned kind = 0; kind < 4; kind += 2)
  {
    for (unsigned i = 0; i < TURNS; i++)
      for (unsigned j = kind; j < kind + 2; j++)
        sites[j] = find_of_kind(j);
    fake_lookups = 0;
    for (unsigned i = 0; i < TURNS; i++)
      for (unsigned j = kind; j < kind + 2; j++)
        ck_assert_uint_eq(find_of_kind(j), sites[j]);
    ck_assert_uint_eq(fake_lookups, 0);
  }
  for (unsigned i = 0; i < TURNS; i++)
    for (unsigned j = 0; j < 4; j++)
      ck_assert_uint_eq(find_of_kind(j), sites[j]);
}
END_TEST

/* Callers with a shape each, as many as there are pairs at first: more pairs are
   used then, and all find their shapes again. */
START_TEST(more_shapes_use_more_pairs)
{
  enum
  {
    CALLERS = 2 * DM_MEMO_PAIRS_FIRST
  };
  fake_rules[2] = make_rule(DM_RULE_RSP, 3, DM_RBP_SAME, 0);
  ck_assert_uint_eq(dm_memo_pairs(&thread->memo), DM_MEMO_PAIRS_FIRST);
  uint32_t sites[CALLERS];
  for (unsigned turn = 0; turn < 8; turn++)
  {
    fake_lookups = 0;
    for (unsigned i = 0; i < CALLERS; i++)
    {
      begin(code_address(2, i));
      push(3, code_address(1, 0));
      uint32_t site = find();
      ck_assert(turn == 0 || site == sites[i]);
      ck_assert_uint_eq(find(), site);
      sites[i] = site;
    }
  }
  ck_assert_uint_gt(dm_memo_pairs(&thread->memo), DM_MEMO_PAIRS_FIRST);
  ck_assert_uint_lt(fake_lookups, CALLERS / 4);
}
END_TEST

/* Of the COUNT in the stack that was made. */
static void
check_every_return_address(unsigned count)
{
  check_frames(count);
  unsigned word = START;
  for (unsigned i = 0; i < count; i++)
  {
    /* Another call in the same function. */
    uintptr_t former = expected[i];
    stack[word] = expected[i] = former / 256 * 256 + 200;
    check_frames(count);
    check_frames(count);
    stack[word] = expected[i] = former;
    check_frames(count);
    word += i + 3;
  }
}

/* Four shapes in two places: some of these walk each time, and find their cell
   in the memo, not in the table. */
START_TEST(walks_ask_the_memo)
{
  enum
  {
    TURNS = 200
  };
  uint32_t sites[4];
  for (unsigned i = 0; i < TURNS; i++)
    for (unsigned j = 0; j < 4; j++)
      sites[j] = find_of_kind(j);
  uint32_t round = atomic_fetch_add(&dm_table_round, 1);
  fake_lookups = 0;
  for (unsigned i = 0; i < TURNS; i++)
    for (unsigned j = 0; j < 4; j++)
      ck_assert_uint_eq(find_of_kind(j), sites[j]);
  ck_assert_uint_ge(fake_lookups, TURNS);
  for (unsigned j = 0; j < 4; j++)
    ck_assert_uint_eq(dm_table.entries[sites[j]].round, round);
  /* Not when a module is gone. */
  atomic_fetch_add(&dm_callsites_generation, 1);
  for (unsigned j = 0; j < 4; j++)
  {
    ck_assert_uint_eq(find_of_kind(j), sites[j]);
    ck_assert_uint_eq(dm_table.entries[sites[j]].round, round + 1);
  }
}
END_TEST

START_TEST(every_return_address_counts)
{
  make_plain_stack(20);
  check_every_return_address(21);
}
END_TEST

/* A factor of 0 would leave nothing of what was hashed before. */
START_TEST(a_word_of_zero_hides_none)
{
  for (unsigned depth = 2; depth < 20; depth++)
  {
    make_plain_stack(depth);
    stack[top - 1] = 0;
    expected_count = depth;
    check_every_return_address(depth);
  }
}
END_TEST

/* Calls of two functions in turn, and a word of zero or none at the end: from
   where the calls came counts, and in which order. */
START_TEST(the_order_of_calls_counts)
{
  enum
  {
    DEPTH = 24
  };
  fake_rules[2] = make_rule(DM_RULE_RSP, 3, DM_RBP_SAME, 0);
  fake_rules[3] = make_rule(DM_RULE_RBP, 2, DM_RBP_AT_CFA, -2);
  for (unsigned zero = 0; zero < 2; zero++)
  {
    unsigned place[DEPTH];
    begin(code_address(2, 0));
    uintptr_t *saved = &rbp_register;
    for (unsigned i = 0; i < DEPTH; i++)
    {
      unsigned function = 2 + i % 2; /* that returns there */
      unsigned into = i == DEPTH - 1 ? 1 : 3 - i % 2;
      push(3, code_address(into, i));
      place[i] = top - 1;
      if (function == 3)
      {
        *saved = (uintptr_t) (stack + top - 2);
        saved = &stack[top - 2];
      }
    }
    if (zero)
      stack[place[DEPTH - 1]] = 0;
    unsigned count = DEPTH + !zero;
    check_frames(count);
    check_frames(count);
    for (unsigned i = 0; i < DEPTH - 1; i++)
      for (unsigned j = i % 2; j < i; j += 2)
      {
        for (unsigned turn = 0; turn < 2; turn++)
        {
          uintptr_t one = stack[place[i]];
          expected[i + 1] = stack[place[i]] = stack[place[j]];
          expected[j + 1] = stack[place[j]] = one;
          check_frames(count);
        }
      }
  }
}
END_TEST

/* What was a stack of many frames is a buffer of zeros now. */
START_TEST(a_stack_of_zeros_is_none_of_the_known)
{
  for (unsigned depth = 1; depth < 31; depth++)
  {
    make_plain_stack(depth);
    check_frames(depth + 1);
    for (unsigned i = START + 1; i < top; i++)
      stack[i] = 0;
    expected_count = 1;
    check_frames(1);
    check_frames(1);
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
   A signal handler that changes the same pair of shapes. */

static struct dm_shape pair[2], both[2];

static void
turn_pair(void)
{
  dm_shape_turn(pair);
}

/* Whether SHAPE is nothing, or all of one that there was, but for the last
   stack, which is checked each time. */
static bool
is_whole(const struct dm_shape *shape)
{
  for (unsigned i = 0; i < 2; i++)
    if (shape->key == both[i].key)
      return shape->seed == both[i].seed && shape->count == both[i].count &&
             memcmp(shape->slot, both[i].slot, sizeof shape->slot) == 0;
  return shape->key == 0;
}

START_TEST(shapes_written_by_a_handler)
{
  for (unsigned i = 0; i < 2; i++)
  {
    both[i] = (struct dm_shape){
        .key = i + 1, .seed = i + 3, .last = i + 5, .count = DM_MEMO_SLOTS};
    for (uint16_t word = 0; word < DM_MEMO_SLOTS; word++)
      both[i].slot[word] = (uint16_t) (word + 100 * i);
  }
  unsigned at = 0;
  do
    memcpy(pair, both, sizeof pair);
  while (interrupt_at(turn_pair, turn_pair, ++at) && is_whole(&pair[0]) &&
         is_whole(&pair[1]));
  ck_assert(is_whole(&pair[0]) && is_whole(&pair[1]));
  ck_assert_uint_ge(at, least_steps(30));
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {known_stacks_need_no_rules,
                                a_walk_that_never_ended,
                                the_kept_stack_ends_with_a_module,
                                shapes_that_take_turns,
                                more_shapes_use_more_pairs,
                                walks_ask_the_memo,
                                every_return_address_counts,
                                a_word_of_zero_hides_none,
                                the_order_of_calls_counts,
                                a_stack_of_zeros_is_none_of_the_known,
                                every_saved_rbp_counts,
                                shapes_written_by_a_handler,
                                NULL};
  return run_suite(make_suite("unwind_memo", unwind_setup, tests));
}
