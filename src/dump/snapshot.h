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
#include "books/callsites.h"
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

/* A callsite as the dump shows it. Live blocks are counted once, by age; so a
   callsite's rows add up to its live blocks, and all callsites' to the rows of
   the whole process, in each dump. */
struct dm_callsite_figures
{
  uint32_t number;
  uint32_t generations; /* slots of BIRTHS with a live block in them */
  struct dm_live live;
  uint64_t allocations, allocated_bytes, frees;
  uint64_t in_place, moved, grown_bytes;
  int64_t growth; /* bytes gained since the dump before */
  struct dm_live ages[DM_AGE_ROWS];
  uint64_t survived[DM_AGE_ROWS - 1]; /* blocks known to have reached 1, 10,
                                         100, 1000 slices: freed at that age, or
                                         live at it */
  int32_t births[DM_BIRTH_SLOTS];     /* live blocks by age in growing slots */
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
  uint32_t callsites_cap;
  struct dm_callsites_figures table;
  uint32_t unfreed;   /* callsites with live blocks, not suppressed */
  uint32_t judged;    /* of these, with a word other than too early */
  uint32_t growing;   /* growing */
  uint32_t undecided; /* with old blocks, but watched for too short a time */
  struct dm_live suppressed;
  uint32_t suppressed_callsites;
  struct dm_live other;            /* what the cap left without a name */
  struct dm_callsite_figures *top; /* sorted, LISTED of them */
  uint32_t listed;
  enum dm_sort sort;
  uint64_t min_age_s; /* the list counts only blocks as old as that */
  uint32_t now;       /* the slice that ages are counted from */

  /* dmalloc itself. */
  uint64_t table_bytes; /* memory that dmalloc mapped */
  uint32_t ledgers;
  uint32_t coarse_ledgers; /* of them, those that tell old ages in steps */
  uint64_t dumps_cut;      /* dumps whose end could not be written */
  const char *degraded;    /* why something is not tracked, or NULL */
};

/* Takes the memory for a first, small table of figures, so that a process which
   gets none later has dumps with a list. Called once. */
void dm_snapshot_init(void);

/* Fills the figures of SNAPSHOT from the books: everything but sequence,
   trigger and signal. TOP, SORT and MIN_AGE_S choose the list. Returns false
   when there is no memory for the list: then LISTED is 0 and the rest is
   right. */
bool dm_snapshot_take(struct dm_snapshot *snapshot, int top, enum dm_sort sort,
                      uint64_t min_age_s);

/* Looks at all callsites, for the history that verdicts are told from, and
   makes no list. */
void dm_snapshot_look(void);

/* The callsite of NUMBER is gone, and another will get the number: nothing that
   was remembered of the one is the other's. */
void dm_snapshot_forget(uint32_t number);

/* Fills only the totals: allocations to mishaps. Thread-safe. */
void dm_snapshot_totals(struct dm_snapshot *snapshot);

#endif
