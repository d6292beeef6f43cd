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

/* The unusual halves of the next two: no block, no thread, no room, no stamp;
   the loader freeing its own. */
void dm_record_unusual_alloc(void *block, size_t size, struct dm_caller caller);
void dm_record_unusual_free(void *block, size_t usable,
                            enum dm_stamp_state state,
                            const struct dm_block *what,
                            struct dm_caller caller);

/* BLOCK was handed out for SIZE bytes, called for from CALLER. It may be NULL.
   Returns BLOCK. */
static inline __attribute__((always_inline)) void *
dm_record_alloc(void *block, size_t size, struct dm_caller caller)
{
  struct dm_thread *thread = dm_thread_current;
  if (__builtin_expect(!block || !thread, 0))
  {
    dm_record_unusual_alloc(block, size, caller);
    return block;
  }
  size_t usable = dm_next_usable_size(block);
  if (__builtin_expect(usable < size + DM_STAMP_SIZE, 0))
    return block; /* less than was asked for: no room for a stamp */
  struct dm_block what = {
      .size = size,
      .callsite = dm_unwind_callsite(thread, caller),
      .birth = dm_clock_slice(),
  };
  dm_stamp_write(block, usable, &what);
  dm_ledger_alloc(thread->ledger, what.callsite, what.birth, size);
  return block;
}

/* BLOCK, not NULL, is about to be freed. It may be none of ours. */
static inline __attribute__((always_inline)) void
dm_record_free(void *block, struct dm_caller caller)
{
  struct dm_thread *thread = dm_thread_current;
  size_t usable = dm_next_usable_size(block);
  struct dm_block what;
  enum dm_stamp_state state = dm_stamp_read(block, usable, &what);
  bool by_loader =
      *caller.slot - dm_loader_start < dm_loader_end - dm_loader_start;
  if (__builtin_expect(state != DM_STAMP_VALID || !thread || by_loader, 0))
  {
    dm_record_unusual_free(block, usable, state, &what, caller);
    return;
  }
  dm_stamp_clear(block, usable);
  dm_ledger_free(thread->ledger, what.callsite, what.birth, what.size);
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
