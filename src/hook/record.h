/* record.h -- one allocation's way into the books.

   These do everything that is to be done about a block but handing it out and
   taking it back. They know nothing of the exported names, so tests link them
   without preloading anything. Signal-safe; they never block.

   The usual way is inline: no call, no lock, no system call. What is unusual
   goes to record.c. */

#ifndef DM_HOOK_RECORD_H
#define DM_HOOK_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "books/ledger.h"
#include "books/modules.h"
#include "hook/next_allocator.h"
#include "hook/stack_memo.h"
#include "hook/stamp.h"
#include "hook/thread.h"
#include "hook/unwind.h"

/* How many bytes to ask the next allocator for, so that a stamp fits behind
   SIZE bytes. A size that cannot be allocated is asked for as it is, for
   allocators differ in how they refuse. */
static inline size_t
dm_stamped_size(size_t size)
{
  return __builtin_expect(size > PTRDIFF_MAX - DM_STAMP_SIZE, 0)
             ? size
             : size + DM_STAMP_SIZE;
}

/* The same as the next two, whatever is to be done: a new thread, a new stack,
   another second, a block that is none of ours, the loader freeing its own. */
void dm_record_any_alloc(void *block, size_t size, struct dm_caller caller);
void dm_record_any_free(void *block, struct dm_caller caller);

/* BLOCK was handed out for SIZE bytes, called for from CALLER. It may be NULL.
   Returns BLOCK. */
static inline __attribute__((always_inline)) void *
dm_record_alloc(void *block, size_t size, struct dm_caller caller)
{
  struct dm_thread *thread = dm_thread_current;
  struct dm_block what = {.size = size, .birth = dm_clock_tick};
  if (__builtin_expect(block && thread && what.birth, 1))
  {
    size_t usable = dm_next_usable_size(block);
    size_t slack = usable - DM_STAMP_SIZE - size;
    const struct dm_memo_stack *stack = dm_unwind_usual(thread, caller);
    struct dm_places places;
    if (__builtin_expect(stack && slack < DM_STAMP_FAR, 1) &&
        dm_ledger_find(thread->ledger, what.callsite = stack->callsite,
                       what.birth, size, size, &places))
    {
      struct dm_stamp *stamp = dm_stamp_at(block, usable);
      stamp->fields = dm_stamp_fields(slack, &what);
      stamp->seal = dm_stamp_seal(block, stamp->fields, 0);
      dm_ledger_count(thread->ledger, &places, size);
      return block;
    }
  }
  dm_record_any_alloc(block, size, caller);
  return block;
}

/* BLOCK, not NULL, is about to be freed. It may be none of ours. */
static inline __attribute__((always_inline)) void
dm_record_free(void *block, struct dm_caller caller)
{
  struct dm_thread *thread = dm_thread_current;
  size_t usable = dm_next_usable_size(block);
  uintptr_t in_loader = *caller.slot - dm_loader_start;
  struct dm_block what;
  struct dm_places places;
  if (__builtin_expect(thread && usable >= DM_STAMP_SIZE &&
                           in_loader >= dm_loader_end - dm_loader_start &&
                           dm_stamp_read_usual(block, usable, &what),
                       1) &&
      dm_ledger_find(thread->ledger, what.callsite, what.birth, what.size,
                     -what.size, &places))
  {
    dm_stamp_clear(block, usable);
    dm_ledger_uncount(thread->ledger, &places, what.size);
    return;
  }
  dm_record_any_free(block, caller);
}

/* A realloc in two halves around the real one. The first takes BLOCK's stamp
   out, for the block may belong to another thread as soon as it has moved.
   The second counts what became of it: RESULT is what realloc returned for
   SIZE bytes. */
struct dm_realloc
{
  void *block;
  size_t usable;
  enum dm_stamp_state state;
  struct dm_block was;
};
void dm_record_realloc_begin(struct dm_realloc *realloc, void *block);
void dm_record_realloc_end(const struct dm_realloc *realloc, void *result,
                           size_t size, struct dm_caller caller);
/* The same for a realloc to nothing that freed the block. */
void dm_record_realloc_freed(const struct dm_realloc *realloc);

/* The bytes of BLOCK that the program may use, of USABLE in all. */
size_t dm_record_room(void *block, size_t usable);

#endif
