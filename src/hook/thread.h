/* thread.h -- what the hook keeps for each thread.

   A thread is known by its thread pointer. A new thread whose thread pointer
   is that of an earlier one can only exist because the earlier one is gone, so
   it inherits its place: no destructor, no key, no system call tells us of a
   thread's end, and a program that starts threads one after another uses one
   place. Where new threads come to lie elsewhere each has a new place, so there
   are as many as there were thread pointers. */

#ifndef DM_HOOK_THREAD_H
#define DM_HOOK_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hidden.h"
#include "base/sys.h"
#include "books/ledger.h"
#include "hook/kept_stack.h"
#include "hook/stack_memo.h"

struct dm_thread
{
  uintptr_t pointer; /* the thread pointer that it is known by */
  struct dm_ledger *ledger;

  /* The part of this thread's own stack that is known to be one piece:
     reading from a stack pointer in it up to HIGH is safe. LOW is UINTPTR_MAX
     while nothing is known. */
  uintptr_t stack_low, stack_high;

  /* What each allocation reads stands first: so a new thread touches few
     pages. */
  struct dm_memo memo;
  struct dm_kept_stack kept;
} __attribute__((aligned(64)));

/* What a thread finds of its own at each call. */
struct dm_thread_here
{
  /* Its place, once it was entered, if all is as usual: NULL until then, and
     always where each call is traced, compared, or not recorded at all. */
  struct dm_thread *place;
  /* Blocks of fewer bytes go the usual way: none until there is a place, and
     none where the allocator behind is not glibc's or no reporter tells the
     second. So one test sends everything that is special to the slow paths. */
  size_t unusual_size;
};
extern DM_HIDDEN __thread struct dm_thread_here dm_thread_here
    __attribute__((tls_model("initial-exec")));

/* Whether all is as usual, and where it ends. Set by init.c, before the first
   call is recorded. */
extern DM_HIDDEN bool dm_thread_usual;
extern DM_HIDDEN size_t dm_thread_unusual_size;

/* The slow half of the next. */
struct dm_thread *dm_thread_enter(void);

/* This thread's place, or NULL when there is no memory for one (or there are
   more than DM_THREADS_MAX thread pointers), which is asked again once a
   second: count in the emergency ledger then. Signal-safe. */
static inline struct dm_thread *
dm_thread_self(void)
{
  struct dm_thread *self = dm_thread_here.place;
  return __builtin_expect(self != NULL, 1) ? self : dm_thread_enter();
}

enum
{
  DM_THREADS_MAX = 8192 /* thread pointers, ever */
};

/* Makes the place of the main thread, whose stack ends at STACK_END. Returns
   false when there is no memory. Called once, before the others. */
bool dm_thread_init(uintptr_t stack_end);

/* The emergency ledger for one caller at a time: signals stay blocked between
   these two, so that nobody waits for a thread that waits for it. */
struct dm_ledger *dm_emergency_begin(struct dm_signals *signals);
void dm_emergency_end(const struct dm_signals *signals);

/* In a forked child: the other threads are gone, and what they held is free. */
void dm_thread_after_fork(void);

#endif
