/* record.c -- one allocation's way into the books, whatever is to be done. */

#include "hook/record.h"

#include "books/callsites.h"
#include "hook/frame_rules.h"

/* The ledger to count in: this thread's own, or, for a thread without a place
   of its own, the emergency ledger, which is given back at the end. */
struct loan
{
  struct dm_ledger *ledger;
  bool emergency;
  struct dm_signals signals;
};

static inline struct loan
borrow_ledger(void)
{
  struct dm_thread *thread = dm_thread_self();
  struct loan loan = {.ledger = thread ? thread->ledger : NULL,
                      .emergency = !thread};
  if (loan.emergency)
    loan.ledger = dm_emergency_begin(&loan.signals);
  return loan;
}

static inline void
give_back(const struct loan *loan)
{
  if (loan->emergency)
    dm_emergency_end(&loan->signals);
}

/* Stamps BLOCK, of SIZE bytes from the callsite of CELL, and counts it there, in
   LEDGER. Returns false when that could not be done. */
static bool
stamp_and_count(struct dm_ledger *ledger, const struct dm_cell *cell,
                void *block, size_t size, bool loaders)
{
  size_t usable = dm_next_usable_size(block);
  if (usable < size + DM_STAMP_SIZE)
    return false; /* less than was asked for: no room for a stamp */
  struct dm_block what = {
      .size = size,
      .callsite = dm_cell_callsite(cell),
      .birth = dm_clock_slice(),
      .loaders = loaders,
  };
  dm_stamp_write(block, usable, &what);
  dm_ledger_alloc(ledger, what.callsite, what.birth, size);
  return true;
}

void *
dm_record_again(struct dm_thread *thread, void *block, struct dm_caller caller,
                uint32_t generation)
{
  size_t usable = dm_next_usable_size(block);
  struct dm_block what;
  uint32_t now;
  while ((now = dm_record_generation()) != generation &&
         dm_stamp_read(block, usable, &what) == DM_STAMP_VALID)
  {
    generation = now;
    uint32_t was = what.callsite;
    const struct dm_cell *cell = dm_unwind_cell(thread, caller, 0);
    what.callsite = dm_cell_callsite(cell);
    if (what.callsite == was)
      continue;
    dm_ledger_alloc(thread->ledger, what.callsite, what.birth, what.size);
    dm_ledger_undo(thread->ledger, was, what.birth, what.size);
    dm_stamp_write(block, usable, &what);
  }
  return block;
}

void *
dm_record_known_alloc(struct dm_thread *thread, const struct dm_cell *cell,
                      void *block, size_t size, struct dm_caller caller,
                      uint32_t generation)
{
  return stamp_and_count(thread->ledger, cell, block, size,
                         dm_is_loader(dm_caller_address(caller)))
             ? dm_record_again(thread, block, caller, generation)
             : block;
}

/* Counts BLOCK in the cell that is found. */
static inline void *
find_and_count(struct dm_thread *thread, void *block, size_t size,
               struct dm_caller caller, uint64_t hash)
{
  uint32_t generation = dm_record_generation();
  struct dm_cell *cell = dm_unwind_cell(thread, caller, hash);
  size_t usable = dm_next_usable_size(block);
  bool loaders = dm_is_loader(dm_caller_address(caller));
  return loaders || usable < size + DM_STAMP_SIZE
             ? dm_record_known_alloc(thread, cell, block, size, caller,
                                     generation)
             : dm_record_in(thread, cell, block, usable, size, caller,
                            generation, DM_TIME_ASKED);
}

void *
dm_record_new_alloc(struct dm_thread *thread, void *block, size_t size,
                    struct dm_caller caller, uint64_t hash)
{
  return find_and_count(thread, block, size, caller, hash);
}

void *
dm_record_any_alloc(void *block, size_t size, struct dm_caller caller)
{
  if (!block)
    return NULL;
  struct dm_thread *thread = dm_thread_self();
  if (thread)
    return find_and_count(thread, block, size, caller, 0);
  /* A thread without a place records no stack. */
  struct loan loan = borrow_ledger();
  stamp_and_count(loan.ledger, dm_ledger_cell(loan.ledger, DM_CALLSITE_OTHER),
                  block, size, dm_is_loader(dm_caller_address(caller)));
  give_back(&loan);
  return block;
}

/* Takes a block with a valid stamp out of the books. */
static void
count_free(const struct dm_block *what)
{
  struct loan loan = borrow_ledger();
  dm_ledger_free(loan.ledger, what->callsite, what->birth, what->size);
  give_back(&loan);
}

static void
count_unknown(enum dm_stamp_state state)
{
  struct loan loan = borrow_ledger();
  struct dm_mishaps *mishaps = &loan.ledger->mishaps;
  dm_counter_add(state == DM_STAMP_BROKEN ? &mishaps->broken_stamps
                                          : &mishaps->foreign_frees,
                 1);
  give_back(&loan);
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

void
dm_record_outermost(void *block)
{
  if (dm_next.chunk_headers)
    return;
  size_t usable = dm_next_usable_size(block);
  struct dm_block inner;
  if (dm_stamp_read(block, usable, &inner) != DM_STAMP_VALID)
    return;
  dm_stamp_clear(block, usable);
  count_free(&inner);
}

void
dm_record_any_free(void *block, uintptr_t address)
{
  struct dm_realloc taken;
  dm_record_realloc_begin(&taken, block);
  dm_record_realloc_freed(&taken);
  /* The loader frees its own data at the end of a dlclose: that is how we learn
     of one. */
  if (dm_is_loader(address))
    dm_modules_recheck(dm_rules_forget);
}

/* Takes a block with a whole stamp out of the books, unless the loader asked for
   it. */
static bool
free_late(struct dm_thread *thread, void *block)
{
  size_t usable = dm_next_usable_size(block);
  struct dm_stamp *stamp = dm_stamp_at(block, usable);
  uint64_t fields = stamp->fields;
  if (fields & DM_STAMP_LOADERS)
    return false;
  stamp->seal = 0;
  size_t slack = fields >> DM_STAMP_SLACK_SHIFT;
  dm_ledger_free(thread->ledger, dm_stamp_callsite(fields), (uint32_t) fields,
                 usable - DM_STAMP_SIZE - slack);
  return true;
}

void
dm_record_free_rest(enum dm_freeing rest, void *block, uintptr_t address)
{
  struct dm_thread *thread = dm_thread_here.place;
  if (rest == DM_FREE_UNTOLD)
    dm_ledger_publish(thread->ledger);
  else if (rest == DM_FREE_UNUSUAL || !free_late(thread, block))
    dm_record_any_free(block, address);
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
  if (usable < size + DM_STAMP_SIZE)
  {
    count_free(&realloc->was);
    return;
  }
  struct dm_block is = realloc->was;
  is.size = size;
  dm_stamp_write(realloc->block, usable, &is);
  struct loan loan = borrow_ledger();
  dm_ledger_resize(loan.ledger, is.callsite, is.birth, realloc->was.size, size);
  give_back(&loan);
}

/* The block is at RESULT now: a free and an allocation. The new block's
   callsite counts that it came by moving. */
static void
moved(const struct dm_realloc *realloc, void *result, size_t size,
      struct dm_caller caller)
{
  count_gone(realloc->state, &realloc->was);
  size_t usable = dm_next_usable_size(result);
  if (dm_thread_here.place)
    dm_record_alloc(dm_thread_here.place, result, usable, size, caller,
                    DM_TIME_ASKED);
  else
    dm_record_any_alloc(result, size, caller);
  struct dm_block is;
  if (realloc->state != DM_STAMP_VALID ||
      dm_stamp_read(result, usable, &is) != DM_STAMP_VALID)
    return;
  struct loan loan = borrow_ledger();
  dm_ledger_moved(loan.ledger, is.callsite);
  give_back(&loan);
}

void
dm_record_realloc_end(const struct dm_realloc *realloc, void *result,
                      size_t size, struct dm_caller caller)
{
  bool ours = realloc->state == DM_STAMP_VALID;
  if (result)
    dm_record_outermost(result);
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
