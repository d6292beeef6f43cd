/* snapshot.h -- one moment's figures: all ledgers added up into plain numbers.

   A snapshot is what the reports are made from; it holds no pointer into the
   books but for callsite numbers. One exists at a time (dump.c sees to that),
   in memory that is mapped at the first dump and kept. */

#ifndef DM_DUMP_SNAPSHOT_H
#define DM_DUMP_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "books/ages.h"
#include "books/ledger.h"
#include "books/sizes.h"
#include "dump/verdict.h"

/* A figure of live things, which a race with the program may show below zero
   for a moment. */
struct dm_live
{
  int64_t count;
  int64_t bytes;
};

/* The ages of a callsite's live blocks, in slots that widen with age: 10 of
   1 s (0 to 9), 9 of 10 s (10 to 99), 9 of 100 s (100 to 999), and the rest. */
enum
{
  DM_BIRTH_SLOTS = 29
};

/* The least age in seconds of SLOT. */
static inline uint32_t
dm_birth_slot_start(unsigned slot)
{
  return slot < 10   ? slot
         : slot < 19 ? 10 * (slot - 9)
                     : 100 * (slot - 18);
}

/* A callsite as the dump shows it. */
struct dm_callsite_figures
{
  uint32_t number;
  struct dm_live live;
  uint64_t allocations, allocated_bytes, frees;
  uint64_t in_place, moved, grown_bytes;
  int64_t growth;                     /* bytes gained since the dump before */
  struct dm_live ages[DM_AGE_ROWS];   /* rows as in dm_age_row_start; their sums
                                         over all callsites are the global rows */
  uint64_t survived[DM_AGE_ROWS - 1]; /* blocks known to have reached 1, 10,
                                         100, 1000 s: never decreases */
  int32_t births[DM_BIRTH_SLOTS];     /* live blocks by age slot */
  uint32_t generations; /* distinct seconds of birth among the live blocks;
                           all those of 1000 s and more count as one */
  struct dm_live counted; /* what the list counts: the live blocks that are at
                             least DMALLOC_MIN_AGE old */
  struct dm_verdict verdict;
};

enum dm_trigger
{
  DM_TRIGGER_TIMER,
  DM_TRIGGER_SIGNAL,
  DM_TRIGGER_EXIT,
  DM_TRIGGER_CALL
};

struct dm_snapshot
{
  /* Who and when. */
  uint64_t sequence; /* 1 for the first dump of this process */
  enum dm_trigger trigger;
  int signal;       /* the number, for DM_TRIGGER_SIGNAL */
  uint64_t time_ms; /* since 1970, UTC */
  uint64_t uptime_ms;
  int pid;
  const char *program; /* its path */
  const char *host;

  /* Totals. */
  uint64_t allocations, frees, allocated_bytes, peak_bytes;
  struct dm_live live;
  uint64_t in_place, moved;
  struct dm_mishaps mishaps;

  struct dm_live ages[DM_AGE_ROWS];
  struct dm_live sizes[DM_SIZE_ROWS];

  /* Callsites. */
  uint32_t callsites_cap, callsites_used;
  uint32_t stacks_cut;  /* callsites whose stack goes on beyond its frames */
  uint32_t unfreed;     /* callsites with live blocks, not suppressed */
  uint32_t growing;     /* of these, growing */
  struct dm_live suppressed;
  uint32_t suppressed_callsites;
  struct dm_live other; /* what the cap left without a name */
  struct dm_callsite_figures *top; /* sorted, LISTED of them */
  uint32_t listed;
  enum dm_sort sort;
  uint64_t min_age_s; /* the list counts only blocks as old as that */
  uint32_t now;       /* the slice that ages are counted from */

  /* dmalloc itself. */
  uint64_t table_bytes; /* memory that dmalloc mapped */
  uint32_t ledgers;
  uint64_t dumps_cut;   /* dumps whose end could not be written */
  const char *degraded; /* why something is not tracked, or NULL */
};

/* Fills the figures of SNAPSHOT from the books: everything but sequence,
   trigger and signal. TOP, SORT and MIN_AGE_S choose the list. Returns false
   when there is no memory for the list: then LISTED is 0 and the rest is
   right. */
bool dm_snapshot_take(struct dm_snapshot *snapshot, int top, enum dm_sort sort,
                      uint64_t min_age_s);

/* Fills only the totals: allocations to mishaps. Thread-safe. */
void dm_snapshot_totals(struct dm_snapshot *snapshot);

#endif
