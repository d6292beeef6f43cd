/* leaf.c -- the end of a path through frames.h. */

#include "leaf.h"

#include <check.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "books/callsites.h"
#include "fake_clock.h"
#include "frames.h"
#include "hook/frame_rules.h"
#include "hook/libunwind.h"
#include "hook/unwind.h"
#include "runner.h"

enum
{
  CAP = 100000,
  DEPTH = 64
};

/* Where the main thread's stack ends, as init.c knows it. */
extern void *__libc_stack_end;

/* libunwind's own, for code that only it can see through. */
static int (*local_backtrace)(void **buffer, int size);

/* What the leaf compares with: glibc's, or libunwind's. */
bool leaf_asks_libunwind;
static _Atomic unsigned compared;
_Atomic unsigned leaf_differing;

void
leaf_setup(void)
{
  fake_clock_set(1);
  ck_assert_int_eq(dm_callsites_init(CAP), 0);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
  ck_assert(dm_rules_init());
  const char *why = dm_libunwind_init();
  ck_assert_msg(!why, "%s", why);
  dm_unwind_init(DEPTH, false, 8192);
  ck_assert(dm_thread_init((uintptr_t) __libc_stack_end));
  void *handle = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
  ck_assert_ptr_nonnull(handle);
  void *found = dlsym(handle, "unw_backtrace");
  ck_assert_ptr_nonnull(found);
  memcpy(&local_backtrace, &found, sizeof found);
  void *warm[4];
  backtrace(warm, 4); /* loads libgcc_s */
}

/* --------------------------------------------------------------------------
   The leaf: what malloc is in a real program. */

__thread struct dm_caller leaf_caller;

static void
compare(struct dm_caller caller, void **seen, int count)
{
  unsigned found;
  uint32_t site = dm_cell_callsite(dm_unwind_cell(dm_thread_self(), caller, 0));
  const dm_frame *frames = dm_callsite_frames(site, &found);
  leaf_caller = caller;
  /* The first is in the leaf itself. */
  int own = 0;
  while (own < count && (uintptr_t) seen[own] != dm_caller_address(caller))
    own++;
  unsigned others = (unsigned) (count - own);
  bool same = found == (others < DEPTH ? others : DEPTH);
  for (unsigned i = 0; same && i < found; i++)
    same = dm_frame_address(frames[i]) == (uintptr_t) seen[own + (int) i];
  compared++;
  if (same)
    return;
  leaf_differing++;
  fprintf(stderr, "differs: %u frames, %u expected\n", found, others);
  for (unsigned i = 0; i < found || i < others; i++)
    fprintf(stderr, "  %p %p\n",
            i < found ? (void *) dm_frame_address(frames[i]) : NULL,
            i < others ? seen[own + (int) i] : NULL);
}

/* Compiled with a frame pointer by asking for its address, as the entry points
   of interpose.c are. */
__attribute__((noinline)) static void
leaf(void)
{
  struct dm_caller caller = {__builtin_frame_address(0)};
  void *seen[200];
  int count =
      leaf_asks_libunwind ? local_backtrace(seen, 200) : backtrace(seen, 200);
  compare(caller, seen, count);
  compare(caller, seen, count); /* and again, from the memo */
}

static const char *handler_path;

static void
on_signal(int number)
{
  (void) number;
  descend(handler_path);
}

/* The rest of the path is walked by a signal handler. */
__attribute__((noinline)) static void
interrupt(const char *path)
{
  handler_path = path + 1;
  raise(SIGUSR1);
}

static int
compare_strings(const void *a, const void *b)
{
  const char *const *path = b;
  (void) a;
  descend(*path + 1);
  return 0;
}

/* Through a function of libc that calls back, once for a single item. */
__attribute__((noinline)) static void
through_libc(const char *path)
{
  bsearch("", &path, 1, sizeof path, compare_strings);
}

/* As assembler does it: frames that a rule cannot express. The caller's is
   found by rbx; by a word at rsp, plus 8; by a word at rbp, plus 16. */
void through_rbx(const char *path);
void through_rsp_word(const char *path);
void through_rbp_word(const char *path);
__asm__(".text\n"
        "through_rbx:\n"
        ".cfi_startproc\n"
        "push %rbx\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbx, -16\n"
        "mov %rsp, %rbx\n"
        ".cfi_def_cfa_register rbx\n"
        "and $-64, %rsp\n"
        "inc %rdi\n"
        "call descend\n"
        "mov %rbx, %rsp\n"
        ".cfi_def_cfa_register rsp\n"
        "pop %rbx\n"
        ".cfi_def_cfa_offset 8\n"
        "ret\n"
        ".cfi_endproc\n"
        "through_rsp_word:\n"
        ".cfi_startproc\n"
        "mov %rsp, %rax\n"
        "sub $72, %rsp\n"
        "and $-64, %rsp\n"
        "mov %rax, 32(%rsp)\n"
        ".cfi_escape 0x0f, 5, 0x77, 32, 0x06, 0x23, 8\n"
        "inc %rdi\n"
        "call descend\n"
        "mov 32(%rsp), %rsp\n"
        ".cfi_def_cfa rsp, 8\n"
        "ret\n"
        ".cfi_endproc\n"
        "through_rbp_word:\n"
        ".cfi_startproc\n"
        "push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbp, -16\n"
        "mov %rsp, %rbp\n"
        "push %rbp\n"
        "sub $72, %rsp\n"
        ".cfi_escape 0x0f, 5, 0x76, 0x78, 0x06, 0x23, 16\n"
        "inc %rdi\n"
        "call descend\n"
        "leave\n"
        ".cfi_def_cfa rsp, 8\n"
        "ret\n"
        ".cfi_endproc\n");

void
descend(const char *path)
{
  char letter = *path;
  if (letter >= 'a' && letter < 'a' + FRAME_SHAPES)
    frames_plain[letter - 'a'](path);
  else if (letter >= 'A' && letter < 'A' + FRAME_SHAPES)
    frames_pointer[letter - 'A'](path);
  else if (letter >= '0' && letter < '0' + FRAME_SHAPES)
    frames_bare[letter - '0'](path);
  else if (letter == 's')
    interrupt(path);
  else if (letter == 'l')
    through_libc(path);
  else if (letter == 'x')
    through_rbx(path);
  else if (letter == 'y')
    through_rsp_word(path);
  else if (letter == 'z')
    through_rbp_word(path);
  else
    leaf();
  __asm__ volatile(""); /* no tail call */
}

void
check_path(const char *path)
{
  unsigned before = leaf_differing, walks = compared;
  descend(path);
  ck_assert_msg(compared == walks + 2, "the leaf of path %s", path);
  ck_assert_msg(leaf_differing == before, "path %s", path);
}

void
leaf_catch(int flags)
{
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
  sigaction(SIGUSR1, &action, NULL);
}

void
make_path(unsigned long *state, const char *letters, unsigned length,
          char *path)
{
  for (unsigned i = 0; i < length; i++)
    path[i] = letters[next_random(state) % strlen(letters)];
  path[length] = '\0';
}
