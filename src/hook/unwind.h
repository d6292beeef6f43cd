/* unwind.h -- the call stack of an allocation, as the cell it is counted in.

   Three ways, the quickest first: the memo (the same stack was here lately,
   proved by its slots), a walk by frame rules, libunwind itself. All three give
   the same stack; DMALLOC_VERIFY=1 compares each with libunwind's.

   Every read of the stack is bounded by what is known to be this stack. A
   thread's own stack is known once a walk that used nothing but unwind
   information has reached its outermost frame; then all between is one piece.
   On any other stack (a coroutine's, a signal handler's) the kernel is asked
   before the first word of a page is read, and the memo is not used. */

#ifndef DM_HOOK_UNWIND_H
#define DM_HOOK_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/frame_rules.h"
#include "hook/stack_memo.h"
#include "hook/thread.h"

/* DEPTH frames are recorded, 1 to 64. VERIFY as DMALLOC_VERIFY. STATIC_TLS:
   the bytes of thread-local variables that lie between the top of a thread's
   stack and its thread pointer, at most. */
void dm_unwind_init(unsigned depth, bool verify, uintptr_t static_tls);

/* The salt of all that THREAD's memo knows while GENERATION lasts. */
static inline uint64_t
dm_unwind_salt(const struct dm_thread *thread, uint32_t generation)
{
  return thread->memo.salt + generation;
}

/* The key of CALLER in THREAD's memo while GENERATION lasts. A shape with this
   key was made on this very stack at this very slot, and what was one piece of
   stack then is one now: its words can be read. */
static inline uint64_t
dm_unwind_key(const struct dm_thread *thread, struct dm_caller caller,
              uint32_t generation)
{
  return dm_memo_key(caller, dm_unwind_salt(thread, generation));
}

/* The cell of THREAD's ledger that HASH, of SHAPE, leads to, or NULL.
   Signal-safe. */
static inline __attribute__((always_inline)) struct dm_cell *
dm_unwind_recall(struct dm_thread *thread, struct dm_shape *shape,
                 uint64_t hash)
{
  dm_memo_entry entry = shape->last;
  if (__builtin_expect(!dm_memo_is(entry, hash), 0))
  {
    entry = *dm_memo_line(thread->memo.table, hash);
    if (!dm_memo_is(entry, hash) &&
        !(entry = dm_memo_find_other(&thread->memo, hash)))
      return NULL;
    shape->last = entry;
  }
  /* By the entry alone, although (entry ^ hash) is as good: so the cell is on
     its way before the hash is there. */
  uint32_t callsite = dm_memo_callsite(entry);
  struct dm_cell *cell = dm_ledger_cell_at(thread->ledger, callsite);
  if (!cell)
    __builtin_unreachable();
  return cell;
}

/* The cell of THREAD's ledger for the stack of CALLER. HASH is the stack's by
   the first shape for it if that leads nowhere, else 0. Thread-safe,
   Signal-safe; never waits. */
struct dm_cell *dm_unwind_cell(struct dm_thread *thread,
                               struct dm_caller caller, uint64_t hash);

#endif
