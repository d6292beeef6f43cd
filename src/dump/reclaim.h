/* reclaim.h -- numbers of callsites that hold nothing, given to other stacks.

   The callsite table says how (books/callsites_reclaim.c); this is the part of
   those who count: what each callsite comes to over all ledgers, and what its
   predecessors by that number came to, which is subtracted from it. Counters
   themselves are never set back, for only their own thread writes them.

   For whoever holds the dump's lock. */

#ifndef DM_DUMP_RECLAIM_H
#define DM_DUMP_RECLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "books/sums.h"

/* Frees numbers if the table is short of them. FORGET is called with each that
   lost its stack. Returns whether it is worth while to call again soon: numbers
   were freed, or are being taken quickly. */
bool dm_reclaim(void (*forget)(uint32_t number));

/* What the predecessors of the callsite that has NUMBER now came to. All of
   their blocks are freed. */
const struct dm_sums *dm_reclaim_base(uint32_t number);

#endif
