/* sizes.h -- the rows of "live allocations by size".

   Row 0 holds blocks of 0 to 3 bytes, row 1 those of 4 to 7, and so on by
   powers of two; the last row holds 4096 bytes and more. */

#ifndef DM_BOOKS_SIZES_H
#define DM_BOOKS_SIZES_H

#include <stddef.h>
#include <stdint.h>

enum
{
  DM_SIZE_ROWS = 12
};

/* A ledger counts by powers of two without an end: the power of a block of SIZE
   bytes, 1 (for 0 to 3 bytes) to DM_SIZE_POWERS - 1. */
enum
{
  DM_SIZE_POWERS = 64
};

static inline unsigned
dm_size_power(size_t size)
{
  return 63 ^ (unsigned) __builtin_clzll(size | 3);
}

/* The row that blocks of that POWER are told in, 0 to DM_SIZE_ROWS - 1. */
static inline unsigned
dm_size_power_row(unsigned power)
{
  return power > DM_SIZE_ROWS ? DM_SIZE_ROWS - 1 : power - 1;
}

/* The least size in bytes of ROW; the row ends where the next one begins. */
static inline size_t
dm_size_row_start(unsigned row)
{
  return row == 0 ? 0 : (size_t) 2 << row;
}

#endif
