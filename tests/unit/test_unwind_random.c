/* test_unwind_random.c -- a made-up program that calls, returns and allocates
   at random, and a signal handler that does so in the middle of a walk.

   Whatever way a stack was found (the memo, the stack kept from the last walk,
   rules alone), its frames must be those that the program has. */

#include "hook/unwind.h"

#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"
#include "books/callsites.h"
#include "fake_clock.h"
#include "fake_rules.h"
#include "runner.h"
#include "single_step.h"

enum
{
  CAP = 1000000,
  WORDS = 16384,
  CHAIN = 200,
  FUNCTIONS = 40, /* 1 is the outermost */
  SIGNAL_FRAME,   /* the kernel's */
  DEPTH = 32
};
/* An address that the tools of tests/torture leave to programs. */
#define PLACE ((void *) 0x7e9000000000)
static uintptr_t *stack;
static struct dm_thread *thread;
static unsigned long state;

/* How a function keeps its frame. */
enum kind
{
  PLAIN,         /* leaves rbp alone */
  FRAME_POINTER, /* as -fno-omit-frame-pointer has it */
  SAVER,         /* saves rbp and uses it for a number */
  REALIGNED,     /* an over-aligned local */
  NO_TABLE,      /* a frame pointer, and no unwind information */
  KINDS
};
static unsigned locals[FUNCTIONS];
static unsigned kinds; /* that there are: KINDS, or the first of them */

/* The program's calls, outermost first. */
struct call
{
  unsigned function;
  uintptr_t return_address; /* into the caller; 0 for the outermost */
  unsigned former_top;      /* of the caller */
  uintptr_t former_rbp;
};
static struct call chain[CHAIN];
static unsigned calls;
static unsigned top; /* the lowest word in use: the stack pointer */
static uintptr_t rbp;

static enum kind
kind_of(unsigned function)
{
  return (enum kind)(function % kinds);
}

static void
make_functions(unsigned of_kinds)
{
  kinds = of_kinds;
  for (unsigned i = 2; i < FUNCTIONS; i++)
  {
    int words = (int) (locals[i] = 1 + i * 7 % 9);
    dm_rule rules[KINDS] = {
        make_rule(DM_RULE_RSP, words + 1, DM_RBP_SAME, 0),
        make_rule(DM_RULE_RBP, 2, DM_RBP_AT_CFA, -2),
        i % 2 ? make_rule(DM_RULE_RSP, words + 2, DM_RBP_AT_CFA, -2)
              : make_rule(DM_RULE_RSP, words + 2, DM_RBP_AT_RSP, words),
        make_rule(DM_RULE_AT_RBP, -1, DM_RBP_AT_RBP, 0),
        make_rule(DM_RULE_GUESS, 0, DM_RBP_SAME, 0),
    };
    fake_rules[i] = rules[kind_of(i)];
  }
}

static void
setup(void)
{
  fake_clock_set(1);
  ck_assert_int_eq(dm_callsites_init(CAP), 0);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
  /* Where it lies is part of what is hashed: so a failure comes again. */
  stack = mmap(PLACE, WORDS * sizeof *stack, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ck_assert_ptr_eq(stack, PLACE);
  thread = dm_sys_map(sizeof *thread);
  ck_assert(dm_memo_init(&thread->memo));
  ck_assert_ptr_nonnull(thread);
  thread->ledger = dm_ledger_new();
  thread->stack_low = (uintptr_t) stack;
  thread->stack_high = (uintptr_t) (stack + WORDS);
  dm_unwind_init(DEPTH, false, 0);
  state = 1;
  fake_rules[1] = make_rule(DM_RULE_END, 0, DM_RBP_SAME, 0);
  make_functions(KINDS);
  /* The outermost frame, below the end of the stack. */
  chain[0] = (struct call){.function = 1};
  calls = 1;
  top = WORDS - 20;
  rbp = 0;
}

static void
push(uintptr_t word)
{
  stack[--top] = word;
}

/* The innermost function calls FUNCTION. */
static void
call(unsigned function)
{
  struct call *new = &chain[calls];
  new->function = function;
  new->return_address = code_address(chain[calls - 1].function,
                                     (unsigned) (next_random(&state) % 3));
  new->former_top = top;
  new->former_rbp = rbp;
  calls++;
  uintptr_t frame = (uintptr_t) (stack + top);
  push(new->return_address);
  if (kind_of(function) == REALIGNED)
    top -= (unsigned) (next_random(&state) % 4);
  if (kind_of(function) != PLAIN)
    push(rbp);
  uintptr_t base = (uintptr_t) (stack + top);
  switch (kind_of(function))
  {
  case FRAME_POINTER:
  case NO_TABLE:
    rbp = base;
    break;
  case SAVER:
    rbp = next_random(&state) % 3;
    break;
  case REALIGNED:
    rbp = base;
    push(frame);
    break;
  default:
    break;
  }
  /* Its variables are whatever was there before. */
  top -= locals[function];
}

static void
return_once(void)
{
  calls--;
  top = chain[calls].former_top;
  rbp = chain[calls].former_rbp;
}

/* The innermost function calls malloc; its callsite. */
static uint32_t
allocate(uintptr_t address)
{
  stack[top - 1] = address;
  stack[top - 2] = rbp;
  struct dm_caller caller = {stack + top - 2};
  return dm_cell_callsite(dm_unwind_cell(thread, caller, 0));
}

/* Whether callsite SITE is ADDRESS and the calls as they are now. */
static bool
is_right(uint32_t site, uintptr_t address)
{
  unsigned count;
  const dm_frame *frames = dm_callsite_frames(site, &count);
  unsigned expected = calls < DEPTH ? calls : DEPTH;
  if (count != expected)
    return false;
  for (unsigned i = 0; i < count; i++)
  {
    uintptr_t wanted = i == 0 ? address : chain[calls - i].return_address;
    if (dm_frame_address(frames[i]) != wanted)
      return false;
  }
  return true;
}

static void
check_allocation(void)
{
  uintptr_t address = code_address(chain[calls - 1].function,
                                   (unsigned) (next_random(&state) % 3));
  uint32_t site = allocate(address);
  ck_assert_uint_ne(site, DM_CALLSITE_OTHER);
  ck_assert_msg(is_right(site, address), "callsite %u at depth %u", site,
                calls);
}

/* A program of MANY functions whose stack goes up and down about DEPTH_. */
static void
run(unsigned rounds, unsigned many, unsigned deepest, bool forget)
{
  for (unsigned i = 0; i < rounds; i++)
  {
    unsigned long random = next_random(&state);
    unsigned returns = (unsigned) (random % 8);
    if (random % 64 == 0)
      returns = calls; /* a long way up */
    while (returns-- > 0 && calls > 1)
      return_once();
    unsigned more = (unsigned) (random >> 8) % 9;
    while (more-- > 0 && calls < deepest)
      call(2 + (unsigned) (next_random(&state) % many));
    unsigned allocations = 1 + (unsigned) (random >> 16) % 3;
    while (allocations-- > 0)
      check_allocation();
    if (forget && i % 1000 == 0)
      dm_callsites_generation++;
  }
}

START_TEST(a_program_of_few_functions)
{
  run(100000, 4, 12, false);
}
END_TEST

START_TEST(a_program_of_many_functions)
{
  run(60000, FUNCTIONS - 2, 30, true);
}
END_TEST

START_TEST(a_deep_program)
{
  run(30000, FUNCTIONS - 2, CHAIN - 1, true);
}
END_TEST

/* Only what is kept for the next walk, deeper than is recorded and than there is
   room for. */
START_TEST(a_deep_program_of_plain_frames)
{
  make_functions(SAVER + 1);
  run(30000, FUNCTIONS - 2, CHAIN - 1, false);
  run(30000, 3, CHAIN - 1, false);
}
END_TEST

START_TEST(shallow_records_of_a_deep_program)
{
  /* is_right looks at DEPTH frames, so here the stack is no deeper. */
  dm_unwind_init(64, false, 0);
  run(30000, FUNCTIONS - 2, DEPTH, false);
}
END_TEST

/* --------------------------------------------------------------------------
   A signal handler that allocates in the middle of a walk. */

static uintptr_t body_address;
static uint32_t body_site;
static bool handler_right;

static void
allocate_in_body(void)
{
  body_site = allocate(body_address);
}

/* A handler's stack begins at this word; 0: where the program's ends. It has
   the kernel's frame, of code that was called by nobody, and calls of its own.
 */
static unsigned alternate;

static void
allocate_in_handler(void)
{
  unsigned former_top = top;
  uintptr_t former_rbp = rbp;
  struct call kept[5];
  unsigned former_calls = calls;
  memcpy(kept, chain, sizeof kept);
  unsigned interrupted = top - 100;
  top = (alternate ? alternate : interrupted) - 100;
  chain[0] = (struct call){.function = 1};
  chain[1] = (struct call){.function = SIGNAL_FRAME,
                           .return_address = code_address(1, 7)};
  stack[top + 2] = (uintptr_t) (stack + interrupted);
  stack[top + 3] = chain[1].return_address;
  for (unsigned i = 0; i < 3; i++)
  {
    unsigned handler_top = top;
    calls = 2;
    while (calls < 5)
      call(2 + (unsigned) (next_random(&state) % 5));
    uintptr_t address = code_address(chain[4].function, i);
    handler_right = handler_right && is_right(allocate(address), address);
    top = handler_top;
  }
  memcpy(chain, kept, sizeof kept);
  calls = former_calls;
  top = former_top;
  rbp = former_rbp;
}

static void
interrupt_walks(void)
{
  fake_rules[SIGNAL_FRAME] = make_rule(DM_RULE_SIGNAL, 2, DM_RBP_SAME, 0);
  unsigned fell = 0;
  for (unsigned at = 1; at < 3000; at += 31)
  {
    while (calls > 1)
      return_once();
    for (unsigned i = 0; i < 12; i++)
      call(2 + (unsigned) (next_random(&state) % 30));
    /* Sometimes a stack that is known, most often a new one. */
    body_address = code_address(chain[calls - 1].function,
                                (unsigned) (next_random(&state) % 100));
    handler_right = true;
    bool interrupted = interrupt_at(allocate_in_body, allocate_in_handler, at);
    fell += interrupted;
    ck_assert_msg(handler_right, "the handler's, at %u", at);
    ck_assert_msg(is_right(body_site, body_address), "the body's, at %u", at);
    /* And nothing wrong was left behind. */
    for (unsigned i = 0; i < 3; i++)
      check_allocation();
    return_once();
    check_allocation();
  }
  ck_assert_uint_ge(fell, least_steps(30));
}

START_TEST(signal_handlers_interrupt_walks)
{
  interrupt_walks();
}
END_TEST

/* On an alternate stack that is a variable of main's: further out. */
START_TEST(signal_handlers_further_out_interrupt_walks)
{
  top -= 2000;
  alternate = WORDS - 20;
  interrupt_walks();
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {a_program_of_few_functions,
                                a_program_of_many_functions,
                                a_deep_program,
                                a_deep_program_of_plain_frames,
                                shallow_records_of_a_deep_program,
                                signal_handlers_interrupt_walks,
                                signal_handlers_further_out_interrupt_walks,
                                NULL};
  return run_suite(make_suite("unwind_random", setup, tests));
}
