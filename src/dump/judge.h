/* judge.h -- what the list of callsites is made from.

   Between the figures that a snapshot adds up and the list that a report shows:
   each callsite is looked at (history.h) and judged (verdict.h), those that are
   suppressed (suppress.h) are summed in one row, and those without a block of
   DMALLOC_MIN_AGE are left out.

   For the snapshot, one at a time. Signal-safe. */

#ifndef DM_DUMP_JUDGE_H
#define DM_DUMP_JUDGE_H

#include <stdint.h>

#include "dump/snapshot.h"

/* Looks in slice NOW at the COUNT callsites of FIGURES and moves those that can
   be listed to the front. Returns how many these are, and fills the snapshot's
   NOW, MIN_AGE_S, UNFREED, JUDGED, GROWING, UNDECIDED, SUPPRESSED and
   SUPPRESSED_CALLSITES. */
uint32_t dm_judge(struct dm_snapshot *snapshot,
                  struct dm_callsite_figures *figures, uint32_t count,
                  uint32_t now, uint64_t min_age_s);

/* Looks in slice NOW at the COUNT callsites of FIGURES, and no more: for the
   minutes without a dump. */
void dm_judge_look(const struct dm_callsite_figures *figures, uint32_t count,
                   uint32_t now);

/* The live blocks of FIGURES that are at least MIN_AGE_S old (0 to
   DM_MIN_AGE_MAX), to the next slot of ages. Counts are exact; so are bytes
   from 0, 1, 10, 100 and 1000 s on, and between them each block of a row counts
   as large as the row's mean. */
struct dm_live dm_judge_aged(const struct dm_callsite_figures *figures,
                             uint64_t min_age_s);

#endif
