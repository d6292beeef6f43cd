/* counter.h -- a counter with one writer, read by others at any time.

   A ledger's counters are written by its own thread alone, so no atomic
   read-modify-write is needed. They are still interrupted by signal handlers
   of that thread which allocate, so an addition must be one instruction (or
   an update of the handler would be lost) and a store must not tear (or a
   dump would see half of it). Counts wrap as unsigned numbers; a free that
   another thread made leaves a ledger "negative", and the sum over all
   ledgers is right. */

#ifndef DM_BASE_COUNTER_H
#define DM_BASE_COUNTER_H

#include <stdint.h>

#include "base/counter_x86_64.h"

/* Reads a counter that another thread may be adding to. */
static inline uint64_t
dm_counter_read(const uint64_t *counter)
{
  return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* A number of things and the bytes in them. */
struct dm_row
{
  uint64_t count;
  uint64_t bytes;
};

static inline void
dm_row_add(struct dm_row *row, uint64_t count, uint64_t bytes)
{
  dm_counter_add(&row->count, count);
  dm_counter_add(&row->bytes, bytes);
}

static inline void
dm_row_subtract(struct dm_row *row, uint64_t count, uint64_t bytes)
{
  dm_counter_subtract(&row->count, count);
  dm_counter_subtract(&row->bytes, bytes);
}

#endif
