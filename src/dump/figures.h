/* figures.h -- what each callsite comes to over all ledgers.

   One table by callsite number, in memory that is mapped at the first dump and
   kept. For whoever holds the dump's lock. Program threads write their ledgers
   meanwhile: where counts were being moved from one place to another the table
   is summed anew, a few times at the most. */

#ifndef DM_DUMP_FIGURES_H
#define DM_DUMP_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "books/sums.h"
#include "dump/snapshot.h"

/* Makes room for numbers 0 to USED. Returns false without memory: then the next
   two must not be called. */
bool dm_figures_make_room(uint32_t used);

/* The figures of callsites 0 to USED as they are in slice NOW
   (dm_clock_age_zero), by number: all but COUNTED and VERDICT. What is
   cumulative includes the predecessors of a number that was reclaimed. */
struct dm_callsite_figures *dm_figures_sum(uint32_t used, uint32_t now);

/* The live bytes that were just summed are those that the next growth is told
   from. */
void dm_figures_remember(uint32_t used);

/* Takes from SITE what is its predecessors'. */
void dm_figures_subtract_base(struct dm_callsite_figures *site);

/* The callsite of NUMBER is gone. */
void dm_figures_forget(uint32_t number);

#endif
