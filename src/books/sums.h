/* sums.h -- what the cells of all ledgers come to. */

#ifndef DM_BOOKS_SUMS_H
#define DM_BOOKS_SUMS_H

#include <stdint.h>

#include "books/ledger.h"

/* What a cell comes to. Frees are read before allocations: a block that comes
   and goes meanwhile then shows as live, not as less than nothing. */
struct dm_sums
{
  uint64_t allocations, allocated_bytes;
  uint64_t frees[DM_AGE_ROWS]; /* by the row of the block's age at its free */
  uint64_t freed_bytes;
  uint64_t in_place, moved, grown_bytes, shrunk_bytes;
};
void dm_cell_add(struct dm_sums *to, const struct dm_cell *cell);

/* The same in two parts, for sums over all ledgers in which no block may show
   as less than nothing: first all that takes away from blocks and bytes, then
   all that adds to them. What takes away comes after what it takes from, in
   whatever ledger, so the second part has that too. */
void dm_cell_add_frees(struct dm_sums *to, const struct dm_cell *cell);
void dm_cell_add_allocations(struct dm_sums *to, const struct dm_cell *cell);
uint64_t dm_sums_frees(const struct dm_sums *sums);
uint64_t dm_sums_live_bytes(const struct dm_sums *sums);

#endif
