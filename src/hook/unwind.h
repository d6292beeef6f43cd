/* unwind.h -- the call stack of an allocation, as a callsite number.

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

/* Whether SHAPE's words, seen from CALLER, are all stack: the bounds say that
   everything between here and the last of them is. */
static inline bool
dm_unwind_may_read(const struct dm_thread *thread, const struct dm_shape *shape,
                   struct dm_caller caller)
{
  uintptr_t slot = (uintptr_t) caller.slot;
  return slot >= thread->stack_low &&
         slot + shape->last * sizeof slot < thread->stack_high;
}

/* What the memo knows of the stack of CALLER by SHAPE, or NULL. */
static inline __attribute__((always_inline)) const struct dm_memo_stack *
dm_unwind_recall(struct dm_thread *thread, const struct dm_shape *shape,
                 struct dm_caller caller, uint64_t key)
{
  if (__builtin_expect(
          shape->key != key || !dm_unwind_may_read(thread, shape, caller), 0))
    return NULL;
  uint64_t hash = dm_memo_hash(shape, caller);
  const struct dm_memo_stack *stack = dm_memo_stack(&thread->memo, hash);
  bool known = stack->tag == dm_memo_tag(hash, stack->callsite);
  return __builtin_expect(known, 1) ? stack : NULL;
}

/* The stack of CALLER if the memo knows it at first sight, or NULL. */
static inline __attribute__((always_inline)) const struct dm_memo_stack *
dm_unwind_usual(struct dm_thread *thread, struct dm_caller caller)
{
  uint32_t generation =
      atomic_load_explicit(&dm_rules_generation, memory_order_relaxed);
  uint64_t key = dm_memo_key(caller, generation);
  const struct dm_memo_stack *stack =
      dm_unwind_recall(thread, dm_memo_shape(&thread->memo, key), caller, key);
  return __builtin_expect(stack && !stack->verify, 1) ? stack : NULL;
}

/* The callsite of CALLER. Thread-safe, Signal-safe; never waits. */
uint32_t dm_unwind_callsite(struct dm_thread *thread, struct dm_caller caller);

#endif
