/* record.c -- one allocation's way into the books: the unusual cases. */

#include "hook/record.h"

#include "books/callsites.h"
#include "hook/frame_rules.h"

/* A thread without a place of its own counts in the emergency ledger, and
   records no stack. */
static void
alloc_in_emergency(void *block, size_t usable, const struct dm_block *what)
{
  uint64_t signals;
  dm_stamp_write(block, usable, what);
  struct dm_ledger *ledger = dm_emergency_begin(&signals);
  dm_ledger_alloc(ledger, what->callsite, what->birth, what->size);
  dm_emergency_end(&signals);
}

static void
free_in_emergency(const struct dm_block *what)
{
  uint64_t signals;
  struct dm_ledger *ledger = dm_emergency_begin(&signals);
  dm_ledger_free(ledger, what->callsite, what->birth, what->size);
  dm_emergency_end(&signals);
}

void
dm_record_unusual_alloc(void *block, size_t size, struct dm_caller caller)
{
  if (!block)
    return;
  if (dm_thread_enter())
  {
    dm_record_alloc(block, size, caller);
    return;
  }
  size_t usable = dm_next_usable_size(block);
  struct dm_block what = {
      .size = size,
      .callsite = DM_CALLSITE_OTHER,
      .birth = dm_clock_slice(),
  };
  if (usable >= size + DM_STAMP_SIZE)
    alloc_in_emergency(block, usable, &what);
}

/* Takes a block with a valid stamp out of the books. */
static void
count_free(const struct dm_block *what)
{
  struct dm_thread *thread = dm_thread_self();
  if (thread)
    dm_ledger_free(thread->ledger, what->callsite, what->birth, what->size);
  else
    free_in_emergency(what);
}

static void
count_unknown(enum dm_stamp_state state)
{
  struct dm_thread *thread = dm_thread_self();
  if (!thread)
    return;
  struct dm_mishaps *mishaps = &thread->ledger->mishaps;
  dm_counter_add(state == DM_STAMP_BROKEN ? &mishaps->broken_stamps
                                          : &mishaps->foreign_frees,
                 1);
}

/* A block in STATE is gone, or will be at once. */
static void
count_gone(enum dm_stamp_state state, const struct dm_block *what)
{
  if (state == DM_STAMP_VALID)
    count_free(what);
  else
    count_unknown(state);
}

/* The loader frees its own data at the end of a dlclose: that is how we learn
   of one. */
static void
watch_loader(struct dm_caller caller)
{
  if (*caller.slot - dm_loader_start < dm_loader_end - dm_loader_start)
    dm_modules_recheck(dm_rules_forget);
}

void
dm_record_unusual_free(void *block, size_t usable, enum dm_stamp_state state,
                       const struct dm_block *what, struct dm_caller caller)
{
  if (state == DM_STAMP_VALID)
    dm_stamp_clear(block, usable);
  count_gone(state, what);
  watch_loader(caller);
}

void
dm_record_realloc_begin(struct dm_realloc *realloc, void *block)
{
  realloc->block = block;
  realloc->usable = dm_next_usable_size(block);
  realloc->state = dm_stamp_read(block, realloc->usable, &realloc->was);
  if (realloc->state == DM_STAMP_VALID)
    dm_stamp_clear(block, realloc->usable);
}

void
dm_record_realloc_freed(const struct dm_realloc *realloc)
{
  count_gone(realloc->state, &realloc->was);
}

/* The block is where it was, and may have another size. */
static void
stayed(const struct dm_realloc *realloc, size_t size)
{
  size_t usable = dm_next_usable_size(realloc->block);
  struct dm_thread *thread = dm_thread_self();
  if (!thread || usable < size + DM_STAMP_SIZE)
  {
    count_free(&realloc->was);
    return;
  }
  struct dm_block is = realloc->was;
  is.size = size;
  dm_stamp_write(realloc->block, usable, &is);
  dm_ledger_resize(thread->ledger, is.callsite, is.birth, realloc->was.size,
                   size);
}

/* The block is at RESULT now: a free and an allocation. The new block's
   callsite counts that it came by moving. */
static void
moved(const struct dm_realloc *realloc, void *result, size_t size,
      struct dm_caller caller)
{
  count_gone(realloc->state, &realloc->was);
  dm_record_alloc(result, size, caller);
  struct dm_block is;
  struct dm_thread *thread = dm_thread_self();
  if (thread && realloc->state == DM_STAMP_VALID &&
      dm_stamp_read(result, dm_next_usable_size(result), &is) == DM_STAMP_VALID)
    dm_ledger_moved(thread->ledger, is.callsite);
}

void
dm_record_realloc_end(const struct dm_realloc *realloc, void *result,
                      size_t size, struct dm_caller caller)
{
  bool ours = realloc->state == DM_STAMP_VALID;
  if (result && ours && result == realloc->block)
    stayed(realloc, size);
  else if (result)
    moved(realloc, result, size, caller);
  else if (ours) /* refused: the block and its record stay as they were */
    dm_stamp_write(realloc->block, realloc->usable, &realloc->was);
}

size_t
dm_record_room(void *block, size_t usable)
{
  struct dm_block what;
  return dm_stamp_read(block, usable, &what) == DM_STAMP_VALID
             ? dm_stamp_room(usable, &what)
             : usable;
}
