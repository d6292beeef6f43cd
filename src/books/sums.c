/* sums.c -- what the cells of all ledgers come to. */

#include "books/sums.h"

static const struct dm_late *
late_of(const struct dm_cell *cell)
{
  return __atomic_load_n(&cell->late, __ATOMIC_ACQUIRE);
}

void
dm_cell_add_frees(struct dm_sums *to, const struct dm_cell *cell)
{
  const struct dm_late *late = late_of(cell);
  to->frees[0] += dm_counter_read(&cell->frees);
  to->freed_bytes += dm_counter_read(&cell->freed_bytes);
  if (!late)
    return;
  for (unsigned i = 1; i < DM_AGE_ROWS; i++)
    to->frees[i] += dm_counter_read(&late->frees[i - 1]);
  to->freed_bytes += dm_counter_read(&late->freed_bytes);
  to->shrunk_bytes += dm_counter_read(&late->shrunk_bytes);
}

void
dm_cell_add_allocations(struct dm_sums *to, const struct dm_cell *cell)
{
  /* Not before what was read for the frees. */
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  const struct dm_late *late = late_of(cell);
  to->allocations += dm_counter_read(&cell->allocations);
  to->allocated_bytes += dm_counter_read(&cell->allocated_bytes);
  if (!late)
    return;
  to->in_place += dm_counter_read(&late->in_place);
  to->moved += dm_counter_read(&late->moved);
  to->grown_bytes += dm_counter_read(&late->grown_bytes);
}

void
dm_cell_add(struct dm_sums *to, const struct dm_cell *cell)
{
  dm_cell_add_frees(to, cell);
  dm_cell_add_allocations(to, cell);
}

uint64_t
dm_sums_live_bytes(const struct dm_sums *sums)
{
  return sums->allocated_bytes + sums->grown_bytes - sums->shrunk_bytes -
         sums->freed_bytes;
}

uint64_t
dm_sums_frees(const struct dm_sums *sums)
{
  uint64_t frees = 0;
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    frees += sums->frees[i];
  return frees;
}
