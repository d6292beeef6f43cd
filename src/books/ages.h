/* ages.h -- live blocks by age: 1,000 slices of one second, and the older rest.

   The slices are a ring indexed by the second of birth, so time passing moves
   the head and nothing else; the slice that falls out of the window is added
   to the older rest. A free knows its block's birth, so it finds the very row
   that the allocation went to. Pure arithmetic: the time is passed in.

   One thread writes the rings, others read them at any time. Moving the head
   takes counts from one row to another, so a reader would see them twice or not
   at all; it is therefore bracketed by a sequence number (odd while moving)
   that dm_ages_sum checks. Additions need no bracket.

   There are two rings, for the thread's signal handlers: one that allocates
   while the head of the first ring is moving counts in the second. While the
   head moves it shows 0, so that the usual path needs no test for this. All
   rings are added up, so it does not matter which of them a block is in. */

#ifndef DM_BOOKS_AGES_H
#define DM_BOOKS_AGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"

/* The window is DM_AGE_SLICES wide; the ring has a power of two of places. */
enum
{
  DM_AGE_SLICES = 1000,
  DM_AGE_PLACES = 1024,
  DM_AGE_RINGS = 2
};

/* The rows of the dump: younger than 1, 10, 100, 1000 seconds, and the rest. */
enum
{
  DM_AGE_ROWS = 5
};

struct dm_age_ring
{
  uint32_t sequence;   /* odd while the head is moving */
  uint32_t head;       /* the youngest slice that the ring knows; 0 while it is
                          moving */
  struct dm_row older; /* born before the window */
  struct dm_row slice[DM_AGE_PLACES];
};

struct dm_ages
{
  struct dm_age_ring ring[DM_AGE_RINGS];
};

/* Empty rings at SLICE. */
void dm_ages_init(struct dm_ages *ages, uint32_t slice);

/* Where a block born in slice BIRTH is counted, or NULL when BIRTH is younger
   than the head, or the head is moving: then dm_ages_row tells. */
static inline struct dm_row *
dm_ages_usual_row(struct dm_ages *ages, uint32_t birth)
{
  struct dm_age_ring *ring = &ages->ring[0];
  /* Signed, so that a birth after the head gives a negative age. */
  int32_t age = (int32_t) (ring->head - birth);
  if (__builtin_expect(age < 0, 0))
    return NULL;
  if (__builtin_expect(age >= DM_AGE_SLICES, 0))
    return &ring->older;
  return &ring->slice[birth % DM_AGE_PLACES];
}

/* The same, and never NULL: moves the head when BIRTH is younger than it, so
   that the row is right for a birth of any thread. */
struct dm_row *dm_ages_row(struct dm_ages *ages, uint32_t birth);

/* The row of a dump that a block of AGE slices belongs to. */
unsigned dm_age_row(uint32_t age);

/* The least age in seconds of ROW: 0, 1, 10, 100, 1000. */
uint32_t dm_age_row_start(unsigned row);

/* Adds the rings' counts into ROWS as they are when it is slice NOW. Another
   thread may be writing. Returns false when the writer was found in the
   middle of a move each time it was tried: the rows are then right in their
   sum but one slice may be counted in the wrong row. */
bool dm_ages_sum(const struct dm_ages *ages, uint32_t now,
                 struct dm_row rows[DM_AGE_ROWS]);

#endif
