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
#include "books/callsites.h"
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

/* The same as dm_record_alloc and dm_record_free, whatever is to be done: a new
   thread, a new stack, a block that is none of ours, the loader freeing its own.
   A free is called for from ADDRESS. */
void *dm_record_any_alloc(void *block, size_t size, struct dm_caller caller);
void dm_record_any_free(void *block, uintptr_t address);

/* The same as dm_record_alloc for a stack that the first shape for it does not
   know, whose HASH is as for dm_unwind_cell; for one whose CELL was found in
   GENERATION of the callsites, but it is another second or the block is unusual;
   and for a block that was counted for a callsite found in GENERATION, which is
   over. (Cold: else gcc readies the arguments of the first in the usual way.) */
__attribute__((cold)) void *
dm_record_new_alloc(struct dm_thread *thread, void *block, size_t size,
                    struct dm_caller caller, uint64_t hash);
void *dm_record_known_alloc(struct dm_thread *thread,
                            const struct dm_cell *cell, void *block,
                            size_t size, struct dm_caller caller,
                            uint32_t generation);
void *dm_record_again(struct dm_thread *thread, void *block,
                      struct dm_caller caller, uint32_t generation);

/* The generation of the callsites, read after all that was written before: a
   count that is not seen by who raised the generation sees it raised
   (books/callsites_reclaim.c). */
static inline uint32_t
dm_record_generation(void)
{
  atomic_signal_fence(memory_order_seq_cst);
  return atomic_load_explicit(&dm_callsites_generation, memory_order_relaxed);
}

/* Where the second comes from. A constant: with the clock, registers would have
   to be kept around a call. */
enum dm_time
{
  DM_TIME_TOLD, /* from the reporter; without one it is no second of a cell */
  DM_TIME_ASKED /* from the clock where there is none */
};

static inline uint32_t
dm_record_second(enum dm_time time)
{
  return time == DM_TIME_ASKED
             ? dm_clock_slice()
             : atomic_load_explicit(&dm_clock_tick, memory_order_relaxed);
}

/* Counts BLOCK in CELL, which was found in GENERATION of the callsites; the rest
   as in dm_record_alloc. */
static inline __attribute__((always_inline)) void *
dm_record_in(struct dm_thread *thread, struct dm_cell *cell, void *block,
             size_t usable, size_t size, struct dm_caller caller,
             uint32_t generation, enum dm_time time)
{
  uint32_t now = dm_record_second(time);
  uint64_t label = cell->label;
  size_t slack = usable - DM_STAMP_SIZE - size;
  if (__builtin_expect((uint32_t) label != now || slack >= DM_STAMP_FAR, 0))
    return dm_record_known_alloc(thread, cell, block, size, caller,
                                 generation);
  struct dm_stamp *stamp = dm_stamp_at(block, usable);
  uint64_t fields = label | (uint64_t) slack << DM_STAMP_SLACK_SHIFT;
  stamp->fields = fields;
  stamp->seal = dm_stamp_seal(block, fields, 0);
  if (dm_ledger_count(thread->ledger, cell, size))
    dm_ledger_publish(thread->ledger);
  if (__builtin_expect(dm_record_generation() != generation, 0))
    return dm_record_again(thread, block, caller, generation);
  return block;
}

/* BLOCK, not NULL, of USABLE bytes, was handed out to THREAD for SIZE bytes,
   called for from CALLER. Returns BLOCK. */
static inline __attribute__((always_inline)) void *
dm_record_alloc(struct dm_thread *thread, void *block, size_t usable,
                size_t size, struct dm_caller caller, enum dm_time time)
{
  uint32_t generation = dm_record_generation();
  uint64_t key = dm_unwind_key(thread, caller, generation);
  struct dm_shape *shape = dm_memo_shape(&thread->memo, key);
  if (__builtin_expect(shape->key != key, 0))
    return dm_record_new_alloc(thread, block, size, caller, 0);
  uint64_t hash = dm_memo_hash(shape, caller);
  struct dm_cell *cell = dm_unwind_recall(thread, shape, hash);
  if (__builtin_expect(!cell, 0))
    return dm_record_new_alloc(thread, block, size, caller, hash);
  return dm_record_in(thread, cell, block, usable, size, caller, generation,
                      time);
}

/* What is left to do about a block that is about to be freed. */
enum dm_freeing
{
  DM_FREE_COUNTED, /* nothing */
  DM_FREE_UNTOLD,  /* the peak is to be told */
  DM_FREE_LATE,    /* all but the check of its stamp, which is whole: it was not
                      born at the second that its cell is at */
  DM_FREE_UNUSUAL  /* everything: it may be none of ours */
};

/* Counts that THREAD is about to free BLOCK, not NULL, of USABLE bytes, if it is
   as simple as that. */
static inline __attribute__((always_inline)) enum dm_freeing
dm_record_free(struct dm_thread *thread, void *block, size_t usable,
               enum dm_time time)
{
  uint32_t now = dm_record_second(time);
  struct dm_stamp *stamp = dm_stamp_at(block, usable);
  uint64_t fields = stamp->fields;
  if (__builtin_expect(stamp->seal != dm_stamp_seal(block, fields, 0), 0))
    return DM_FREE_UNUSUAL;
  struct dm_cell *cell = dm_ledger_labelled_cell(thread->ledger, fields);
  /* Nothing but the slack may differ between fields and label. */
  if (__builtin_expect((uint32_t) fields != now ||
                           (fields ^ cell->label) << DM_STAMP_SLACK_BITS,
                       0))
    return DM_FREE_LATE;
  stamp->seal = 0;
  size_t slack = fields >> DM_STAMP_SLACK_SHIFT;
  return dm_ledger_uncount(thread->ledger, cell, usable - DM_STAMP_SIZE - slack)
             ? DM_FREE_UNTOLD
             : DM_FREE_COUNTED;
}

/* BLOCK is about to be recorded. An allocator that got it from its own malloc,
   calloc or the like, which are ours, has it in the books already: it leaves
   them, for who asked the allocator has it now. (So does one that was freed
   past us and is handed out anew.) glibc's does no such thing. */
void dm_record_outermost(void *block);

/* Does what is left to do about BLOCK, freed from ADDRESS by this thread. */
void dm_record_free_rest(enum dm_freeing rest, void *block, uintptr_t address);

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
