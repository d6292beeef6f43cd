/* ledger.h -- the books of one thread.

   Each thread counts what it allocates and frees in a ledger that it alone
   writes; a dump adds all ledgers up. A block that another thread frees is
   subtracted in that thread's ledger, so one ledger may go negative: only the
   sum means something, and the sum is exact.

   Totals are not counted apart: allocations and frees are the sums of the
   callsites' cells, live blocks and bytes the sums of the age slices. What is
   counted once cannot disagree with itself.

   A ledger stays when its thread ends, and a later thread inherits it. */

#ifndef DM_BOOKS_LEDGER_H
#define DM_BOOKS_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "books/ages.h"
#include "books/sizes.h"

/* What one thread did at one callsite: one cache line. Live blocks are
   allocations - frees, live bytes are
   allocated + grown - shrunk - freed. */
struct dm_cell
{
  uint64_t allocations, allocated_bytes;
  uint64_t frees, freed_bytes;
  uint64_t in_place, moved;           /* reallocs */
  uint64_t grown_bytes, shrunk_bytes; /* by reallocs in place */
} __attribute__((aligned(64)));

/* Cells come in chunks, so that a thread pays for the callsites it uses. */
enum
{
  DM_CELLS_PER_CHUNK = 64
};

/* What went unseen or wrong: each is a figure of the dump. */
struct dm_mishaps
{
  uint64_t foreign_frees;       /* of blocks that carry no stamp of ours */
  uint64_t broken_stamps;       /* overwritten by the program */
  uint64_t unwind_failed;       /* a stack that ended before its end */
  uint64_t nested;              /* allocations by a signal handler that
                                   interrupted an unwind: caller only */
  uint64_t verified, differing; /* DMALLOC_VERIFY: captures compared, and
                                  those that libunwind saw differently */
};

struct dm_ledger
{
  struct dm_ledger *next; /* the list of all ledgers; set before the
                             ledger is published */
  uint64_t unpublished;   /* bytes (signed) since the last word to the
                             peak */
  struct dm_mishaps mishaps;
  struct dm_row sizes[DM_SIZE_ROWS];
  struct dm_ages ages;
  _Atomic(struct dm_cell *) chunks[]; /* of DM_CELLS_PER_CHUNK cells; NULL
                                         until touched */
} __attribute__((aligned(64)));

/* Makes room for CAP callsites. Returns 0 or a negative errno. Called once. */
int dm_ledgers_init(unsigned cap);

/* A new ledger, already in the list. NULL when there is no memory: the caller
   then uses dm_ledger_emergency, one caller at a time. Thread-safe,
   Signal-safe. */
struct dm_ledger *dm_ledger_new(void);
extern struct dm_ledger *dm_ledger_emergency;

/* The cell of CALLSITE in the ledger of the calling thread, made when there is
   none; that of (other) when there is no memory. */
struct dm_cell *dm_ledger_own_cell(struct dm_ledger *ledger, uint32_t callsite);

/* Bytes that a thread may keep to itself before it tells the peak. */
enum
{
  DM_UNPUBLISHED_MAX = 65536
};

/* The places that a block is counted in. */
struct dm_places
{
  struct dm_cell *cell;
  struct dm_row *age, *size;
};

/* Finds the places for a block of SIZE bytes born in slice BIRTH at CALLSITE,
   whose live bytes change by CHANGE (signed). Returns false when something is
   to be done first: a chunk to be made, the age slices to move on, the peak to
   be told. Nothing has changed then; the functions below do all of it. So the
   usual way is straight, without a call. */
static inline bool
dm_ledger_find(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
               size_t size, uint64_t change, struct dm_places *places)
{
  struct dm_cell *chunk = atomic_load_explicit(
      &ledger->chunks[callsite / DM_CELLS_PER_CHUNK], memory_order_relaxed);
  places->cell = &chunk[callsite % DM_CELLS_PER_CHUNK];
  places->age = dm_ages_usual_row(&ledger->ages, birth);
  places->size = &ledger->sizes[dm_size_row(size)];
  bool told = ledger->unpublished + change + DM_UNPUBLISHED_MAX <=
              2 * (uint64_t) DM_UNPUBLISHED_MAX;
  return __builtin_expect(chunk && places->age && told, 1);
}

/* Counts that block in PLACES, and takes it out again. These and the next are
   Signal-safe, and for the ledger's own thread alone. */
static inline void
dm_ledger_count(struct dm_ledger *ledger, const struct dm_places *places,
                size_t size)
{
  dm_counter_add(&places->cell->allocations, 1);
  dm_counter_add(&places->cell->allocated_bytes, size);
  dm_row_add(places->age, 1, size);
  dm_row_add(places->size, 1, size);
  dm_counter_add(&ledger->unpublished, size);
}

static inline void
dm_ledger_uncount(struct dm_ledger *ledger, const struct dm_places *places,
                  size_t size)
{
  dm_counter_add(&places->cell->frees, 1);
  dm_counter_add(&places->cell->freed_bytes, size);
  dm_row_add(places->age, -UINT64_C(1), -size);
  dm_row_add(places->size, -UINT64_C(1), -size);
  dm_counter_add(&ledger->unpublished, -size);
}

/* Counts a block of SIZE bytes born in slice BIRTH at CALLSITE, whatever is to
   be done first. */
void dm_ledger_alloc(struct dm_ledger *ledger, uint32_t callsite,
                     uint32_t birth, size_t size);

/* Takes that block out again, here or in the ledger of another thread. */
void dm_ledger_free(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
                    size_t size);

/* Counts that a realloc left a block in its place: it keeps its birth and its
   callsite, its bytes change. */
void dm_ledger_resize(struct dm_ledger *ledger, uint32_t callsite,
                      uint32_t birth, size_t old_size, size_t new_size);

/* Counts that an allocation at CALLSITE was a realloc's that moved. */
void dm_ledger_moved(struct dm_ledger *ledger, uint32_t callsite);

/* The list of all ledgers, newest first; follow NEXT. Thread-safe. */
const struct dm_ledger *dm_ledgers(void);

/* The cell of CALLSITE in LEDGER, or NULL if that thread never touched it. */
const struct dm_cell *dm_ledger_cell(const struct dm_ledger *ledger,
                                     uint32_t callsite);

/* The highest sum of live bytes, each thread at most 64 KiB behind. LIVE is
   the sum that the caller just made; the peak is never less. */
uint64_t dm_ledger_peak(uint64_t live);

#endif
