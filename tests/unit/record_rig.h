/* record_rig.h -- an allocator, a loader and a caller that are made up, and
   what came into the books. */

#ifndef DM_TESTS_UNIT_RECORD_RIG_H
#define DM_TESTS_UNIT_RECORD_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "books/sums.h"
#include "hook/record.h"

enum
{
  CAP = 1000 /* callsites */
};

/* Empty books, in the first second; all allocations are from callsite 7. */
void record_setup(void);

/* Who calls for everything. */
extern const struct dm_caller caller;

/* A block of USABLE bytes, full of somebody's leftovers. The word before it
   holds its usable size, and may be changed. */
void *fake_block(size_t usable);
size_t fake_usable_size(void *block);

/* What the entry points do with a BLOCK that was handed out for SIZE bytes, and
   with one that is to be freed. */
void *record(void *block, size_t size, struct dm_caller caller);
void release(void *block, struct dm_caller caller);

/* malloc(SIZE), with SLACK bytes more than were asked for. */
void *allocate(size_t size, size_t slack);

/* This thread has no place from now on, and there is no memory for one. */
void lose_place(void);

/* How often the modules were looked at. */
extern unsigned fake_rechecks;

/* What all ledgers come to. */
struct figures
{
  struct dm_sums cell;
  struct dm_mishaps mishaps;
  struct dm_row sizes;
  struct dm_row ages[DM_AGE_ROWS];
};
struct figures sum_all(void);

/* Checks that there are COUNT live blocks of BYTES. */
void check_live(uint64_t count, uint64_t bytes);

#endif
