/* ledger.h -- the books of one thread.

   Each thread counts what it allocates and frees in a ledger that it alone
   writes; a dump adds all ledgers up. A block that another thread frees is
   subtracted in that thread's ledger, so one ledger may go negative: only the
   sum means something, and the sum is exact.

   A cell counts what the thread did at one callsite, in one cache line. Most
   blocks die in the second in which they were born; those the cell counts by
   itself. What is left when that second is over is filed: it joins the place
   of (callsite, second) in the births. So live blocks by age and callsite are

       the births filed + (allocations - frees - filed), all born in the
                          cell's second

   and an allocation that is freed at once touches nothing else. Ages by
   callsite and ages overall are the same counts: they cannot disagree.

   The cells of a ledger lie side by side, one for each callsite that there may
   ever be, in address space that costs nothing until it is used: so a free
   finds the cell of its block by a shift.

   A ledger stays when its thread ends, and a later thread inherits it.

   Signal handlers may allocate at any instruction. A counter is changed by one
   instruction; while a cell is being filed its label says so, and a handler
   then counts in the births directly. A handler that does not come back, but
   jumps out, may leave what was being filed in both places: all that the cell's
   second left live. */

#ifndef DM_BOOKS_LEDGER_H
#define DM_BOOKS_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "books/ages.h"
#include "books/births.h"
#include "books/sizes.h"

/* What became of blocks after the second of their birth, and what reallocs
   did. */
struct dm_late
{
  uint64_t frees[DM_AGE_ROWS - 1]; /* of blocks in the rows from the second on */
  uint64_t freed_bytes;
  uint64_t in_place, moved;           /* reallocs */
  uint64_t grown_bytes, shrunk_bytes; /* by reallocs in place */
};

struct dm_cell
{
  uint64_t allocations, allocated_bytes;
  uint64_t frees, freed_bytes;  /* in the second of birth */
  uint64_t filed, filed_bytes;  /* of the difference: what is not of the cell's
                                   second any more */
  uint64_t label;               /* callsite and second, see below; 0: the cell
                                   was never used */
  struct dm_late *late;         /* NULL until there is something in it */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct dm_cell) == 64, "one cache line");

/* A label is laid out as the fields of a stamp without the slack: the second
   in the low half, the callsite above it. */
enum
{
  DM_LABEL_CALLSITE_SHIFT = 32,
  DM_LABEL_SLACK_SHIFT = 52,
  DM_LABEL_CALLSITES = (1 << 20) - 1,
  DM_SECOND_NEVER = INT32_MAX /* nothing was counted yet */
};
#define DM_LABEL_FILING (UINT64_C(1) << 31) /* the second is being left */

static inline uint32_t
dm_label_second(uint64_t label)
{
  return (uint32_t) label & INT32_MAX;
}

static inline uint32_t
dm_label_callsite(uint64_t label)
{
  return (uint32_t) (label >> DM_LABEL_CALLSITE_SHIFT);
}

static inline uint32_t
dm_cell_callsite(const struct dm_cell *cell)
{
  return dm_label_callsite(__atomic_load_n(&cell->label, __ATOMIC_RELAXED));
}

/* A page of cells: who looks at all passes over those that no thread touched. */
enum
{
  DM_CELLS_PER_PAGE = 64
};

/* What went unseen or wrong: each is a figure of the dump. */
struct dm_mishaps
{
  uint64_t foreign_frees;       /* of blocks that carry no stamp of ours */
  uint64_t broken_stamps;       /* overwritten by the program */
  uint64_t unwind_failed;       /* a stack that ended before its end */
  uint64_t nested;              /* allocations by a signal handler that
                                   interrupted a walk, or next after one
                                   that was left by a jump: walked in full,
                                   and not remembered */
  uint64_t verified, differing; /* DMALLOC_VERIFY: captures compared, and
                                  those that libunwind saw differently */
};

struct dm_ledger
{
  uint64_t unpublished;   /* bytes (signed) since the last word to the peak */
  uint32_t filing_since;  /* the slice in which a cell was last begun to be
                             filed; 0: none is */
  struct dm_ledger *next; /* the list of all ledgers; set before the ledger is
                             published */
  struct dm_row sizes[DM_SIZE_POWERS];
  struct dm_births births;
  struct dm_mishaps mishaps;
  _Atomic bool *touched; /* pages of cells, the first at index 0 */
  struct dm_cell cells[]; /* by callsite */
} __attribute__((aligned(64)));

/* Makes room for CAP callsites. Returns 0 or a negative errno. Called once. */
int dm_ledgers_init(unsigned cap);

/* A new ledger. NULL when there is no memory: the caller then uses
   dm_ledger_emergency, one caller at a time. Either it is put into the list,
   before anything is counted in it, or given back; dm_ledger_new is the first
   two at once. All are Thread-safe, Signal-safe. */
struct dm_ledger *dm_ledger_make(void);
void dm_ledger_list(struct dm_ledger *ledger);
void dm_ledger_give_back(struct dm_ledger *ledger);
struct dm_ledger *dm_ledger_new(void);
extern struct dm_ledger *dm_ledger_emergency;

/* The cell of CALLSITE in LEDGER, ready for use if it has a label; and of the
   callsite that LABEL, or a stamp's fields, tell, ready for use if it has that
   label. Found by counting in bytes: one shift, and none when it is used. */
static inline struct dm_cell *
dm_ledger_cell_at(struct dm_ledger *ledger, uint64_t callsite)
{
  return (struct dm_cell *) ((char *) ledger->cells +
                             callsite * sizeof(struct dm_cell));
}

static inline struct dm_cell *
dm_ledger_labelled_cell(struct dm_ledger *ledger, uint64_t label)
{
  return dm_ledger_cell_at(ledger, label >> DM_LABEL_CALLSITE_SHIFT &
                                       DM_LABEL_CALLSITES);
}

/* The cell of CALLSITE in the ledger of the calling thread, ready for use. */
struct dm_cell *dm_ledger_own_cell(struct dm_ledger *ledger, uint32_t callsite);

/* Bytes that a thread may keep to itself before it tells the peak. */
enum
{
  DM_UNPUBLISHED_MAX = 65536
};
void dm_ledger_publish(struct dm_ledger *ledger);

/* LEDGER has BYTES more, or less, that are live. Returns true when
   dm_ledger_publish is to be called. */
static inline bool
dm_ledger_more_live(struct dm_ledger *ledger, size_t bytes)
{
  dm_counter_add(&ledger->unpublished, bytes);
  return __builtin_expect((int64_t) ledger->unpublished > DM_UNPUBLISHED_MAX,
                          0);
}

static inline bool
dm_ledger_less_live(struct dm_ledger *ledger, size_t bytes)
{
  dm_counter_subtract(&ledger->unpublished, bytes);
  return __builtin_expect((int64_t) ledger->unpublished < -DM_UNPUBLISHED_MAX,
                          0);
}

/* Counts a block of SIZE bytes, born now, in CELL, whose label says that it is
   at the second that it is now; and takes it out again in that same second.
   Return true when dm_ledger_publish is to be called. Signal-safe, for the
   ledger's own thread alone, like all that follows. */
static inline bool
dm_ledger_count(struct dm_ledger *ledger, struct dm_cell *cell, size_t size)
{
  dm_counter_add(&cell->allocations, 1);
  dm_counter_add(&cell->allocated_bytes, size);
  dm_row_add(&ledger->sizes[dm_size_power(size)], 1, size);
  return dm_ledger_more_live(ledger, size);
}

static inline bool
dm_ledger_uncount(struct dm_ledger *ledger, struct dm_cell *cell, size_t size)
{
  dm_counter_add(&cell->frees, 1);
  dm_counter_add(&cell->freed_bytes, size);
  dm_row_subtract(&ledger->sizes[dm_size_power(size)], 1, size);
  return dm_ledger_less_live(ledger, size);
}

/* Counts a block of SIZE bytes born in slice BIRTH at CALLSITE, whatever is to
   be done first. */
void dm_ledger_alloc(struct dm_ledger *ledger, uint32_t callsite,
                     uint32_t birth, size_t size);

/* Takes that block out again, here or in the ledger of another thread. */
void dm_ledger_free(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
                    size_t size);

/* Takes it out as if it had never been counted, by the thread that has just
   counted it. (The birth is that of the time, so it does not matter how late it
   is by now.) */
void dm_ledger_undo(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
                    size_t size);

/* Counts that a realloc left a block in its place: it keeps its birth and its
   callsite, its bytes change. */
void dm_ledger_resize(struct dm_ledger *ledger, uint32_t callsite,
                      uint32_t birth, size_t old_size, size_t new_size);

/* Counts that an allocation at CALLSITE was a realloc's that moved. */
void dm_ledger_moved(struct dm_ledger *ledger, uint32_t callsite);

/* The list of all ledgers, newest first; follow NEXT. Thread-safe, like the
   rest. */
const struct dm_ledger *dm_ledgers(void);

/* The cell of CALLSITE in LEDGER, or NULL if that thread never used it. */
const struct dm_cell *dm_ledger_cell(const struct dm_ledger *ledger,
                                     uint32_t callsite);

/* The first cell of LEDGER in which something was counted, from *CALLSITE on,
   which becomes its own, up to LAST; NULL when there is none. */
const struct dm_cell *dm_ledger_next_cell(const struct dm_ledger *ledger,
                                          uint32_t *callsite, uint32_t last);

/* The live blocks of CALLSITE that were born in the second that CELL, of
   LEDGER, is at, filed or not. *SECOND is that second. */
struct dm_row dm_ledger_youngest(const struct dm_ledger *ledger,
                                 const struct dm_cell *cell, uint32_t *second);

/* The highest sum of live bytes, each thread at most 64 KiB behind. LIVE is
   the sum that the caller just made; the peak is never less. */
uint64_t dm_ledger_peak(uint64_t live);

#endif
