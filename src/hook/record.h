/* record.h -- one allocation's way into the books.

   These do everything that is to be done about a block but handing it out and
   taking it back. They know nothing of the exported names, so tests link them
   without preloading anything. Signal-safe; they never block. */

#ifndef DM_HOOK_RECORD_H
#define DM_HOOK_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "hook/stack_memo.h"
#include "hook/stamp.h"

/* How many bytes to ask the next allocator for, so that a stamp fits behind
   SIZE bytes. A size that cannot be allocated stays one. */
static inline size_t
dm_stamped_size(size_t size)
{
  size_t stamped = size + DM_STAMP_SIZE;
  return __builtin_expect(stamped < size, 0) ? size : stamped;
}

/* BLOCK was handed out for SIZE bytes, called for from CALLER; MOVED when it
   is what a realloc moved its block to. BLOCK may be NULL. */
void dm_record_alloc(void *block, size_t size, const struct dm_caller *caller,
                     bool moved);

/* BLOCK is about to be freed. It may be NULL, or none of ours. */
void dm_record_free(void *block, const struct dm_caller *caller);

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
                           size_t size, const struct dm_caller *caller);
/* The same for realloc(BLOCK, 0): FREED says that the block is gone. */
void dm_record_realloc_freed(const struct dm_realloc *realloc);

/* The bytes of BLOCK that the program may use, of USABLE in all. */
size_t dm_record_room(void *block, size_t usable);

#endif
