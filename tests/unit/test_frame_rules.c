/* test_frame_rules.c -- the stacks of this very program, by frame rules that
   the real libunwind taught, compared with what others see of them. */

#include "hook/frame_rules.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/uninherited.h"
#include "books/callsites.h"
#include "books/modules.h"
#include "frames.h"
#include "hook/libunwind.h"
#include "leaf.h"
#include "runner.h"
#include "single_step.h"

/* --------------------------------------------------------------------------
   With unwind information. */

START_TEST(each_shape)
{
  char path[2] = "";
  check_path("");
  for (path[0] = 'a'; path[0] < 'a' + FRAME_SHAPES; path[0]++)
    check_path(path);
  for (path[0] = 'A'; path[0] < 'A' + FRAME_SHAPES; path[0]++)
    check_path(path);
  check_path("l");
}
END_TEST

START_TEST(each_pair_of_shapes)
{
  static const char letters[] = "abcdefABCDEFl";
  char path[3] = "";
  for (unsigned i = 0; i < sizeof letters - 1; i++)
    for (unsigned j = 0; j < sizeof letters - 1; j++)
    {
      path[0] = letters[i];
      path[1] = letters[j];
      check_path(path);
    }
}
END_TEST

START_TEST(random_paths)
{
  unsigned long state = 1;
  char path[80];
  for (unsigned i = 0; i < 2000; i++)
  {
    make_path(&state, "abcdefABCDEFl", i % 22, path);
    check_path(path);
  }
}
END_TEST

START_TEST(every_depth)
{
  char path[128] = "";
  for (unsigned depth = 0; depth < 100; depth++)
  {
    path[depth] = "aAcEfl"[depth % 6];
    check_path(path);
  }
  /* The innermost frames of the deep ones are the same, six of them in turn. */
  ck_assert_uint_ge(dm_callsites_cut(), 6);
}
END_TEST

START_TEST(signal_frames)
{
  static const char *const paths[] = {"s",   "as",   "sa",    "Es",
                                      "sfA", "afsE", "lsfcl", "dDsdD"};
  leaf_catch(SA_NODEFER);
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
    check_path(paths[i]);
}
END_TEST

START_TEST(signals_on_a_stack_of_their_own)
{
  static char memory[65536];
  stack_t other = {.ss_sp = memory, .ss_size = sizeof memory};
  sigaltstack(&other, NULL);
  leaf_catch(SA_ONSTACK);
  check_path("asA");
  check_path("fsf");
  check_path("asA");
  check_path("");
}
END_TEST

/* Saves rbp, and uses it for something else. */
static __attribute__((noipa)) void
use_registers(void)
{
  __asm__ volatile("xor %%ebp, %%ebp" ::: "rbx", "rbp", "r12", "r15");
}

static void
in_handler(void)
{
  descend("");
}

START_TEST(each_instruction)
{
  unsigned at = 1;
  while (interrupt_at(use_registers, in_handler, at))
    at++;
  ck_assert_uint_ge(at, least_steps(10));
  ck_assert_uint_eq(leaf_differing, 0);
}
END_TEST

/* --------------------------------------------------------------------------
   Without it: libunwind follows the frame pointer, where there is one. (The
   last shape is left out: where its caller's frame is, nobody can guess.) */

START_TEST(code_without_unwind_information)
{
  unsigned long state = 1;
  char path[40];
  leaf_asks_libunwind = true;
  for (path[0] = '0', path[1] = '\0'; path[0] < '5'; path[0]++)
    check_path(path);
  for (unsigned i = 0; i < 500; i++)
  {
    make_path(&state, "abcdef01234ABCDEF", i % 15, path);
    check_path(path);
  }
}
END_TEST

/* --------------------------------------------------------------------------
   The rules themselves. */

START_TEST(rules_are_learned_once)
{
  check_path("abcdefABCDEF");
  uintptr_t pc = dm_caller_address(leaf_caller) - 1;
  dm_rule rule = dm_rule_find(pc);
  ck_assert_uint_eq(dm_rule_find(pc), rule);
  ck_assert_int_ne(dm_rule_kind(rule), DM_RULE_UNKNOWN);
  unsigned module = dm_rule_module(rule);
  ck_assert_uint_eq(module, dm_modules_find(pc));
  ck_assert(dm_module(module)->is_program);

  uint32_t generation = dm_callsites_generation;
  const struct dm_rule_place *line =
      dm_rule_line(dm_rule_key(pc), dm_rule_lines);
  dm_rules_forget(module);
  ck_assert_uint_ne(dm_callsites_generation, generation);
  for (unsigned i = 0; i < DM_RULE_WAYS; i++)
    ck_assert_uint_ne(line[i].tag ^ line[i].rule, dm_rule_key(pc));
  ck_assert_uint_eq(dm_rule_find(pc), rule);
  check_path("abcdefABCDEF");
}
END_TEST

/* RULES: of COUNT addresses in the C library. Returns the first of them. */
static uintptr_t
find_rules(unsigned count, dm_rule *rules)
{
  uintptr_t start = (uintptr_t) &vfprintf;
  for (unsigned i = 0; i < count; i++)
    rules[i] = dm_rule_find(start + i);
  return start;
}

/* More lines are used when there are more rules; all of them stay right, and
   few, that full lines forgot, are learned again. */
START_TEST(the_cache_grows)
{
  enum
  {
    RULES = 5000
  };
  static dm_rule rules[RULES];
  uintptr_t start = find_rules(RULES, rules);
  ck_assert_uint_eq(dm_rule_lines, 4096);
  unsigned forgotten = 0;
  dm_libunwind_before_fork(); /* now nothing can be learned */
  for (unsigned i = 0; i < RULES; i++)
  {
    dm_rule rule = dm_rule_find(start + i);
    ck_assert(rule == rules[i] || rule == DM_RULE_UNKNOWN);
    forgotten += rule == DM_RULE_UNKNOWN;
  }
  dm_libunwind_after_fork(false);
  ck_assert_uint_lt(forgotten, RULES / 20);
  for (unsigned i = 0; i < RULES; i++)
    ck_assert_uint_eq(dm_rule_find(start + i), rules[i]);
  check_path("abcdefABCDEF");
}
END_TEST

/* The tag of one place with the rule of another says nothing of any address
   thereabouts. */
START_TEST(torn_places)
{
  enum
  {
    RULES = 5000
  };
  static dm_rule rules[RULES];
  uintptr_t start = find_rules(RULES, rules);
  unsigned torn = 0;
  for (unsigned i = 1; i < RULES; i++)
  {
    if (rules[i] == rules[i - 1])
      continue;
    torn++;
    uint64_t tag = dm_rule_key(start + i) ^ rules[i];
    struct dm_rule_place line[DM_RULE_WAYS] = {{tag, rules[i - 1]}};
    for (unsigned j = 0; j < RULES; j++)
      ck_assert_uint_eq(dm_rule_in(line, dm_rule_key(start + j)),
                        DM_RULE_UNKNOWN);
  }
  ck_assert_uint_gt(torn, 30);
}
END_TEST

/* What was learned at one end of a row is the same as at the other. */
START_TEST(rows_hold_for_all_their_addresses)
{
  enum
  {
    CODE = 20000
  };
  static dm_rule rules[CODE];
  uintptr_t start = find_rules(CODE, rules);
  dm_rules_forget(dm_modules_find(start));
  unsigned different = 0;
  for (unsigned i = CODE; i-- > 0;)
  {
    ck_assert_uint_eq(dm_rule_find(start + i), rules[i]);
    different += i > 0 && rules[i] != rules[i - 1];
  }
  ck_assert_uint_gt(different, 100);
}
END_TEST

/* Such stacks go to libunwind whole. */
START_TEST(frames_that_no_rule_expresses)
{
  unsigned long state = 1;
  char path[40];
  leaf_catch(0);
  check_path("x");
  check_path("y");
  check_path("z");
  check_path("xsyAzsl");
  for (unsigned i = 0; i < 500; i++)
  {
    make_path(&state, "abcdefABCDEFlsxyz", i % 15, path);
    check_path(path);
  }
}
END_TEST

START_TEST(made_up_addresses)
{
  /* No code of any file: nothing is learned, nothing crashes. */
  static const uintptr_t addresses[] = {1, 0x1000, UINTPTR_MAX,
                                        UINT64_C(0x7fffffffffff)};
  for (unsigned i = 0; i < 4; i++)
    ck_assert_int_eq(dm_rule_kind(dm_rule_find(addresses[i])), DM_RULE_GUESS);
  ck_assert_int_eq(dm_rule_kind(dm_rule_find((uintptr_t) &leaf_differing)),
                   DM_RULE_GUESS);
}
END_TEST

/* Nobody else learns a rule while a process forks; what is known is known. */
START_TEST(forking)
{
  check_path("a");
  uintptr_t known = dm_caller_address(leaf_caller) - 1;
  dm_rule rule = dm_rule_find(known);
  uintptr_t unknown = (uintptr_t) &check_path + 1;
  dm_libunwind_before_fork();
  ck_assert_uint_eq(dm_rule_find(known), rule);
  ck_assert_int_eq(dm_rule_kind(dm_rule_find(unknown)), DM_RULE_UNKNOWN);
  pid_t child = fork();
  if (child == 0)
  {
    alarm(10);
    dm_libunwind_after_fork(true);
    bool learns = dm_rule_kind(dm_rule_find(unknown)) != DM_RULE_UNKNOWN;
    descend("aBcDl");
    _exit(learns && leaf_differing == 0 ? 7 : 1);
  }
  dm_libunwind_after_fork(false);
  ck_assert_int_ne(dm_rule_kind(dm_rule_find(unknown)), DM_RULE_UNKNOWN);
  check_path("aBcDl");
  int status;
  waitpid(child, &status, 0);
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

static volatile sig_atomic_t handled;

static void
handle(int number)
{
  (void) number;
  handled++;
}

static bool
raise_at_row(void *arg, const struct dm_unwind_row *row)
{
  (void) row;
  raise(SIGUSR1);
  *(int *) arg = handled;
  return false;
}

/* A handler might jump out, or fork. */
START_TEST(no_handler_comes_inside)
{
  int inside = -1;
  uintptr_t pc = (uintptr_t) &check_path + 1;
  signal(SIGUSR1, handle);
  ck_assert_int_eq(dm_libunwind_rows(pc, raise_at_row, &inside),
                   DM_ROWS_VISITED);
  ck_assert_int_eq(inside, 0);
  ck_assert_int_eq(handled, 1);
}
END_TEST

static bool
pass_row(void *arg, const struct dm_unwind_row *row)
{
  (void) arg, (void) row;
  return false;
}

static int
status_of(pid_t child)
{
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What a child of _Fork finds that others were at: libunwind is left alone. */
static int
check_lost(uintptr_t pc)
{
  dm_libunwind_before_fork();
  pid_t child = fork();
  dm_libunwind_after_fork(child == 0);
  enum dm_rows rows = dm_libunwind_rows(pc, pass_row, NULL);
  if (child == 0)
    _exit((int) rows);
  return rows == DM_ROWS_LATER && status_of(child) == DM_ROWS_LATER ? 7 : 1;
}

static bool
fork_at_row(void *arg, const struct dm_unwind_row *row)
{
  pid_t child = _Fork();
  if (child == 0)
    _exit(check_lost(row->code.start));
  *(pid_t *) arg = child;
  return false;
}

/* A child that no handler hears of may have libunwind's pool as somebody was
   about to change it: then it is left alone, also by its own children. */
START_TEST(raw_children)
{
  uintptr_t pc = (uintptr_t) &check_path + 1;
  dm_uninherited_init();
  pid_t child = _Fork();
  if (child == 0)
    _exit((int) dm_libunwind_rows(pc, pass_row, NULL));
  ck_assert_int_eq(status_of(child), DM_ROWS_VISITED);
  enum dm_rows rows = dm_libunwind_rows(pc, fork_at_row, &child);
  ck_assert_int_eq(rows, DM_ROWS_VISITED);
  ck_assert_int_eq(status_of(child), 7);
  ck_assert_int_eq(dm_libunwind_rows(pc, pass_row, NULL), DM_ROWS_VISITED);
}
END_TEST

/* --------------------------------------------------------------------------
   Threads. */

static void *
walk_paths(void *seed)
{
  unsigned long state = (unsigned long) (uintptr_t) seed;
  char path[40];
  for (unsigned i = 0; i < 300; i++)
  {
    make_path(&state, "abcdefABCDEF", (unsigned) (next_random(&state) % 15),
              path);
    descend(path);
    if (i % 100 == 99)
      dm_rules_forget(dm_modules_find((uintptr_t) &walk_paths));
  }
  return NULL;
}

START_TEST(threads_learn_at_once)
{
  enum
  {
    THREADS = 4
  };
  for (unsigned round = 0; round < 3; round++)
  {
    pthread_t id[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
      ck_assert_int_eq(pthread_create(&id[i], NULL, walk_paths,
                                      (void *) (i + 1 + round * THREADS)),
                       0);
    for (unsigned i = 0; i < THREADS; i++)
      pthread_join(id[i], NULL);
  }
  ck_assert_uint_eq(leaf_differing, 0);
}
END_TEST

static void *
walk_small(void *unused)
{
  descend("aAc");
  return unused;
}

START_TEST(small_stacks)
{
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (unsigned i = 0; i < 50; i++)
  {
    pthread_t id;
    ck_assert_int_eq(pthread_create(&id, &attributes, walk_small, NULL), 0);
    pthread_join(id, NULL);
  }
  ck_assert_uint_eq(leaf_differing, 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {each_shape,
                                each_pair_of_shapes,
                                random_paths,
                                every_depth,
                                signal_frames,
                                signals_on_a_stack_of_their_own,
                                each_instruction,
                                code_without_unwind_information,
                                rules_are_learned_once,
                                the_cache_grows,
                                torn_places,
                                rows_hold_for_all_their_addresses,
                                frames_that_no_rule_expresses,
                                made_up_addresses,
                                forking,
                                no_handler_comes_inside,
                                raw_children,
                                threads_learn_at_once,
                                small_stacks,
                                NULL};
  return run_suite(make_suite("frame_rules", leaf_setup, tests));
}
