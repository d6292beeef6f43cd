/* births.h -- a thread's live blocks by callsite and second of birth.

   The age slices of all callsites in one table: (callsite, birth) -> count and
   bytes. A free knows both from its block's stamp, so it finds the very place
   that the allocation was counted in. Time passing changes nothing here: an age
   is told when somebody asks. Only a table that is full is looked through:
   places with nothing live are dropped, births that left the window of
   DM_AGE_SLICES seconds join the callsite's older rest (birth
   DM_BIRTH_OLDER), and what is left goes to an empty table: the former one if
   that has two places for each, else a new one, of the next power of two.

   So a new table has less than four places, of 24 bytes, for each callsite and
   second from which this thread's sum is not zero, or the first 128. Where
   these are more than DM_BIRTHS_FINE the old ones are told in wider steps,
   first of 10 seconds from 100 on, then of 10 from 10 and of 100 from 100 on:
   29 for each callsite at the most. Counts stay exact, ages are rounded up; the
   dump says so.

   Two tables are kept. A reader may be in one that is replaced, so its memory
   is never given back; but only a former one that is too small is dropped, for
   one of the size that is wanted. Then one more of the two has that size or
   more, and nothing makes it less again: so two of each size are made at most
   (and one for each jump out of a signal handler that falls into it). The sizes
   double, up to less than four times N, the most places that were ever filled;
   so all together have less than 16 N places, or are two of 128. That is 384
   bytes for each of N, however often the load rises and falls.

   One thread writes, others read at any time. A sum may be made of several
   places: the new table and the one that it replaces are added up, so it does
   not matter in which of them a signal handler counts, or what it interrupts,
   and a table that was left half moved (by a jump out of such a handler) loses
   nothing. A reader leaves out a former table that is empty; an addition that
   was interrupted while its table was emptied says so afterwards. (One that
   was interrupted until its table serves again may be told for another
   callsite or second.) While counts move from one to the other the sequence
   is odd. */

#ifndef DM_BOOKS_BIRTHS_H
#define DM_BOOKS_BIRTHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "books/ages.h"

enum
{
  DM_BIRTH_OLDER = 0,    /* the second of birth that stands for "older" */
  DM_BIRTHS_FINE = 65536 /* places in use that are told by the second */
};

struct dm_birth
{
  uint64_t key; /* bit 63, callsite, birth; 0: a free place */
  struct dm_row live;
};

struct dm_birth_table
{
  struct dm_birth_table *former; /* that this one replaced; NULL at first */
  uint64_t capacity; /* places, a power of two */
  uint64_t used;     /* places taken; 0: there is nothing in it */
  uint64_t limit;    /* when that many are taken it is time to look it through */
  struct dm_birth place[];
};

struct dm_births
{
  struct dm_birth_table *current;
  struct dm_row spill;   /* what found no place, for want of memory: told as
                            older, at no callsite */
  uint32_t sequence;     /* odd while counts are moving */
  uint32_t moving_since; /* the slice in which that began; 0: they are not */
  uint32_t steps;        /* 0: by the second; 1, 2: in wider steps */
};

/* An empty table. Returns false without memory. */
bool dm_births_init(struct dm_births *births);

/* Counts COUNT blocks and BYTES more, or less, of CALLSITE born in slice BIRTH,
   in slice NOW. Signal-safe, for the table's own thread. */
void dm_births_add(struct dm_births *births, uint32_t callsite, uint32_t birth,
                   uint32_t now, uint64_t count, uint64_t bytes);

/* What is counted for them. Thread-safe, like the next two. */
struct dm_row dm_births_look(const struct dm_births *births, uint32_t callsite,
                             uint32_t birth);

/* Calls SEE for each place with something in it. The same callsite and birth
   may come twice. */
void dm_births_visit(const struct dm_births *births,
                     void (*see)(void *arg, uint32_t callsite, uint32_t birth,
                                 struct dm_row live),
                     void *arg);

/* A number that stays the same while no counts move; odd while they do. What
   was read between two that are equal and even is right. */
uint32_t dm_births_sequence(const struct dm_births *births);

#endif
