/* ages.h -- live blocks by age: 1,000 slices of one second, and the older rest.

   The slices are a ring indexed by the second of birth, so time passing moves
   the head and nothing else; the slice that falls out of the window is added
   to the older rest. A free knows its block's birth, so it finds the very row
   that the allocation went to. Pure arithmetic: the time is passed in.

   One thread writes a ring, others read it at any time. Advancing the head
   moves counts from one row to another, so a reader would see them twice or
   not at all; it is therefore bracketed by a sequence number (odd while
   moving) that dm_ages_sum checks. Additions need no bracket. */

#ifndef DM_BOOKS_AGES_H
#define DM_BOOKS_AGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"

/* The window is DM_AGE_SLICES wide; the ring has a power of two of places. */
enum
{
  DM_AGE_SLICES = 1000,
  DM_AGE_PLACES = 1024
};

/* The rows of the dump: younger than 1, 10, 100, 1000 seconds, and the rest. */
enum
{
  DM_AGE_ROWS = 5
};

struct dm_ages
{
  uint32_t sequence;   /* odd while the head is moving */
  uint32_t head;       /* the youngest slice that the ring knows */
  struct dm_row older; /* born before the window */
  struct dm_row slice[DM_AGE_PLACES];
};

/* The slow half of the next two: moves the head to SLICE. */
void dm_ages_advance(struct dm_ages *ages, uint32_t slice);

/* Where a block born in slice BIRTH is counted. Moves the head when BIRTH is
   younger than it, so that the row is right for a birth of any thread. */
static inline struct dm_row *
dm_ages_row(struct dm_ages *ages, uint32_t birth)
{
  /* Signed, so that a birth after the head gives a negative age. */
  int32_t age = (int32_t) (ages->head - birth);
  if (__builtin_expect(age < 0, 0))
    dm_ages_advance(ages, birth);
  else if (__builtin_expect(age >= DM_AGE_SLICES, 0))
    return &ages->older;
  return &ages->slice[birth % DM_AGE_PLACES];
}

/* The row of a dump that a block of AGE slices belongs to. */
unsigned dm_age_row(uint32_t age);

/* The least age in seconds of ROW: 0, 1, 10, 100, 1000. */
uint32_t dm_age_row_start(unsigned row);

/* Adds the ring's counts into ROWS as they are when it is slice NOW. Another
   thread may be writing. Returns false when the writer was found in the
   middle of a move each time it was tried: the rows are then right in their
   sum but one slice may be counted in the wrong row. */
bool dm_ages_sum(const struct dm_ages *ages, uint32_t now,
                 struct dm_row rows[DM_AGE_ROWS]);

#endif
