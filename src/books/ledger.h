/* ledger.h -- the books of one thread.

   Each thread counts what it allocates and frees in a ledger that it alone
   writes; a dump adds all ledgers up. A block that another thread frees is
   subtracted in that thread's ledger, so one ledger may go negative: only the
   sum means something, and the sum is exact.

   Totals are not counted apart: allocations and frees are the sums of the
   callsites' cells, live blocks and bytes the sums of the age slices. What is
   counted once cannot disagree with itself.

   A ledger stays when its thread ends and is inherited by the next thread. */

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
  uint64_t in_place, moved;          /* reallocs */
  uint64_t grown_bytes, shrunk_bytes; /* by reallocs in place */
} __attribute__((aligned(64)));

/* Cells come in chunks, so that a thread pays for the callsites it uses. */
enum { DM_CELLS_PER_CHUNK = 64 };

/* What went unseen or wrong: each is a figure of the dump. */
struct dm_mishaps
{
  uint64_t foreign_frees;      /* of blocks that carry no stamp of ours */
  uint64_t broken_stamps;      /* overwritten by the program */
  uint64_t unwind_failed;      /* a stack that ended before its end */
  uint64_t stacks_cut;         /* stacks deeper than what is recorded */
  uint64_t nested;             /* allocations by a signal handler that
                                  interrupted an unwind: caller only */
  uint64_t verified, differing; /* DMALLOC_VERIFY: captures compared, and
                                  those that libunwind saw differently */
};

struct dm_ledger
{
  struct dm_ledger *next;      /* the list of all ledgers; set before the
                                  ledger is published */
  int64_t unpublished;         /* bytes since the last word to the peak */
  struct dm_mishaps mishaps;
  struct dm_row sizes[DM_SIZE_ROWS];
  struct dm_ages ages;
  _Atomic(struct dm_cell *) chunks[]; /* of DM_CELLS_PER_CHUNK cells; NULL
                                         until touched */
} __attribute__((aligned(64)));

/* A new ledger, already in the list, for callsites up to the table's cap.
   NULL when there is no memory: the caller then uses dm_ledger_shared(). */
struct dm_ledger *dm_ledger_new(void);

/* Counts a block of SIZE bytes born in slice BIRTH at CALLSITE; its free; and
   a realloc in place from OLD_SIZE to NEW_SIZE bytes. dm_ledger_moved adds
   the word "by a moving realloc" to an allocation. Signal-safe; only for the
   ledger's own thread. */
void dm_ledger_alloc(struct dm_ledger *ledger, uint32_t callsite,
                     uint32_t birth, size_t size);
void dm_ledger_free(struct dm_ledger *ledger, uint32_t callsite,
                    uint32_t birth, size_t size);
void dm_ledger_resize(struct dm_ledger *ledger, uint32_t callsite,
                      uint32_t birth, size_t old_size, size_t new_size);
void dm_ledger_moved(struct dm_ledger *ledger, uint32_t callsite);

/* The list of all ledgers, newest first; follow NEXT. Thread-safe. */
const struct dm_ledger *dm_ledgers(void);

/* The cell of CALLSITE in LEDGER, or NULL if that thread never touched it. */
const struct dm_cell *dm_ledger_cell(const struct dm_ledger *ledger,
                                     uint32_t callsite);

/* Cells that counts go to when a ledger has no memory for a chunk of its own,
   shared by all threads and therefore added to atomically. Part of every sum. */
const struct dm_cell *dm_ledger_spill_cell(uint32_t callsite);

/* The highest sum of live bytes, each thread at most 64 KiB behind. LIVE is
   the sum that the caller just made; the peak is never less. */
uint64_t dm_ledger_peak(uint64_t live);

#endif
