/* unwind.h -- the call stack of an allocation, as the cell it is counted in.

   Three ways, the quickest first: the memo (the same stack was here lately,
   proved by its slots), a walk by frame rules, libunwind itself. All three give
   the same stack; DMALLOC_VERIFY=1 compares each with libunwind's.

   Every read of the stack is bounded by what is known to be this stack. A
   thread's own stack is known once a walk that used nothing but unwind
   information has reached its outermost frame; then all between is one piece.
   On any other stack (a coroutine's, a signal handler's) walks go by unwind
   information alone, and the memo is not used. */

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

/* What the memo knows of the stack of CALLER by SHAPE, or NULL. A shape with
   the right key was made on this very stack at this very slot, and what was one
   piece of stack then is one now: its words can be read. */
static inline __attribute__((always_inline)) const struct dm_memo_stack *
dm_unwind_recall(struct dm_thread *thread, const struct dm_shape *shape,
                 struct dm_caller caller, uint64_t key)
{
  if (__builtin_expect(shape->key != key, 0))
    return NULL;
  uint64_t hash = dm_memo_hash(shape, caller);
  const struct dm_memo_stack *stack = dm_memo_stack(&thread->memo, hash);
  bool known = stack->tag == dm_memo_tag(hash, stack->cell);
  return __builtin_expect(known, 1) ? stack : NULL;
}

/* The key of CALLER in THREAD's memo while GENERATION lasts. */
static inline uint64_t
dm_unwind_key(const struct dm_thread *thread, struct dm_caller caller,
              uint32_t generation)
{
  return dm_memo_key(caller, thread->memo.salt + generation);
}

/* The same by the first shape for CALLER. */
static inline __attribute__((always_inline)) const struct dm_memo_stack *
dm_unwind_usual(struct dm_thread *thread, struct dm_caller caller,
                uint32_t generation)
{
  uint64_t key = dm_unwind_key(thread, caller, generation);
  return dm_unwind_recall(thread, dm_memo_shape(&thread->memo, key), caller,
                          key);
}

/* The cell of THREAD's ledger for the stack of CALLER; without memory for one
   that of (other). TRIED says how many of the shapes for it, 0 to 2, were looked
   at in vain. Thread-safe, Signal-safe; never waits. */
struct dm_cell *dm_unwind_cell(struct dm_thread *thread,
                               struct dm_caller caller, unsigned tried);

#endif
