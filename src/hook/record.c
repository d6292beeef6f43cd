/* record.c -- one allocation's way into the books. */

#include "hook/record.h"

#include "base/clock.h"
#include "books/callsites.h"
#include "books/ledger.h"
#include "books/modules.h"
#include "hook/frame_rules.h"
#include "hook/next_allocator.h"
#include "hook/thread.h"
#include "hook/unwind.h"

/* A thread without a place of its own counts in the emergency ledger, and
   records no stack. */
static void
alloc_in_emergency(const struct dm_block *what)
{
  uint64_t signals;
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
dm_record_alloc(void *block, size_t size, const struct dm_caller *caller,
                bool moved)
{
  if (__builtin_expect(!block, 0))
    return;
  size_t usable = dm_next_usable_size(block);
  struct dm_block what = {.size = size, .birth = dm_clock_slice()};
  /* An allocator that gives less than it was asked for leaves no room. */
  if (__builtin_expect(usable < size + DM_STAMP_SIZE, 0))
    return;
  struct dm_thread *thread = dm_thread_self();
  if (__builtin_expect(!thread, 0))
  {
    dm_stamp_write(block, usable, &what);
    alloc_in_emergency(&what);
    return;
  }
  what.callsite = dm_unwind_callsite(thread, caller);
  dm_stamp_write(block, usable, &what);
  dm_ledger_alloc(thread->ledger, what.callsite, what.birth, size);
  if (__builtin_expect(moved, 0))
    dm_ledger_moved(thread->ledger, what.callsite);
}

static void
forget_module(unsigned module)
{
  dm_rules_forget(module);
}

/* The loader frees its own data at the end of a dlclose: that is how we learn
   of one. */
static void
watch_loader(const struct dm_caller *caller)
{
  uintptr_t from = *caller->slot;
  if (__builtin_expect(from - dm_loader_start < dm_loader_end - dm_loader_start,
                       0))
    dm_modules_recheck(forget_module);
}

static void
count_free(const struct dm_block *what)
{
  struct dm_thread *thread = dm_thread_self();
  if (__builtin_expect(thread != NULL, 1))
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

/* The block that TAKEN was taken from is gone, or will be at once. */
static void
count_gone(const struct dm_realloc *taken)
{
  if (__builtin_expect(taken->state == DM_STAMP_VALID, 1))
    count_free(&taken->was);
  else
    count_unknown(taken->state);
}

void
dm_record_free(void *block, const struct dm_caller *caller)
{
  struct dm_realloc taken;
  dm_record_realloc_begin(&taken, block);
  watch_loader(caller);
  count_gone(&taken);
}

void
dm_record_realloc_begin(struct dm_realloc *realloc, void *block)
{
  realloc->block = block;
  realloc->usable = dm_next_usable_size(block);
  realloc->state = dm_stamp_read(block, realloc->usable, &realloc->was);
  if (__builtin_expect(realloc->state == DM_STAMP_VALID, 1))
    dm_stamp_clear(block, realloc->usable);
}

void
dm_record_realloc_freed(const struct dm_realloc *realloc)
{
  count_gone(realloc);
}

/* The block is where it was, and may have another size. */
static void
stayed(const struct dm_realloc *realloc, size_t size)
{
  size_t usable = dm_next_usable_size(realloc->block);
  struct dm_block is = realloc->was;
  struct dm_thread *thread = dm_thread_self();
  if (!thread || usable < size + DM_STAMP_SIZE)
  {
    count_free(&realloc->was);
    return;
  }
  is.size = size;
  dm_stamp_write(realloc->block, usable, &is);
  dm_ledger_resize(thread->ledger, is.callsite, is.birth, realloc->was.size,
                   size);
}

void
dm_record_realloc_end(const struct dm_realloc *realloc, void *result,
                      size_t size, const struct dm_caller *caller)
{
  bool ours = realloc->state == DM_STAMP_VALID;
  if (!result)
  {
    /* Refused: the block and its record stay as they were. */
    if (ours)
      dm_stamp_write(realloc->block, realloc->usable, &realloc->was);
  }
  else if (ours && result == realloc->block)
    stayed(realloc, size);
  else
  {
    count_gone(realloc);
    dm_record_alloc(result, size, caller, ours);
  }
}

size_t
dm_record_room(void *block, size_t usable)
{
  struct dm_block what;
  return dm_stamp_read(block, usable, &what) == DM_STAMP_VALID
             ? dm_stamp_room(usable, &what)
             : usable;
}
