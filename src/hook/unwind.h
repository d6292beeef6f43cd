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

/* The slow half of the next. */
uint32_t dm_unwind_walk(struct dm_thread *thread, struct dm_caller caller,
                        uint64_t key);

extern bool dm_unwind_verify;

/* Whether ENTRY is for CALLER and still true. Its reads end at its last slot;
   the stack's bounds say that all between here and there is stack. */
static inline bool
dm_unwind_is_hit(const struct dm_thread *thread,
                 const struct dm_memo_entry *entry, struct dm_caller caller,
                 uint64_t key)
{
  uintptr_t slot = (uintptr_t) caller.slot;
  return entry->key == key && slot >= thread->stack_low &&
         slot + entry->last * sizeof slot < thread->stack_high &&
         thread->generation == dm_rules_generation &&
         dm_memo_hash(entry, caller) == entry->hash;
}

/* The callsite of CALLER. Thread-safe, Signal-safe; never waits. */
static inline uint32_t
dm_unwind_callsite(struct dm_thread *thread, struct dm_caller caller)
{
  uint64_t key = dm_memo_key(caller);
  const struct dm_memo_entry *entry = dm_memo_place(&thread->memo, key);
  if (__builtin_expect(
          !dm_unwind_is_hit(thread, entry, caller, key) || dm_unwind_verify, 0))
    return dm_unwind_walk(thread, caller, key);
  if (__builtin_expect(entry->cut, 0))
    dm_counter_add(&thread->ledger->mishaps.stacks_cut, 1);
  return entry->callsite;
}

#endif
