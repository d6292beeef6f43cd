/* history.h -- looks at a callsite over time, in bounded memory.

   A verdict needs to know how a callsite's old blocks came and went, over
   minutes for a fast leak and over hours for a slow one. So each callsite that
   has ever had a block of 100 s (or 64 KiB that realloc moves or grows) keeps
   16 samples: the last four at least 150 s apart, the last four at least 600 s
   apart, and so on by fours to 9,600 s, which is ten hours and more. A sample
   does not hold what was live just then but the most that ever was live until
   then, the high-water mark: a plateau's noise rises and falls, its high-water
   mark comes to rest, and only what accumulates sets one record after another.

   Memory: 680 bytes for such a callsite, none for the others, and an index of
   8 bytes for each callsite of the cap, whose pages count when touched. A
   callsite keeps its history while it keeps its number.

   Used by one thread at a time (the dump's); Signal-safe; never allocates from
   the program's heap. */

#ifndef DM_DUMP_HISTORY_H
#define DM_DUMP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

struct dm_callsite_figures;

enum
{
  DM_HISTORY_STEP = 150, /* slices between samples of the first level */
  DM_HISTORY_LEVELS = 4, /* each level's step is 4 times the one before */
  DM_HISTORY_SAMPLES = 4 /* of a level */
};

/* What is watched: blocks of 100 s and more, blocks of 1000 s and more, and
   the live KiB of a callsite all of whose blocks come from realloc. */
enum dm_measure
{
  DM_MEASURE_OLD,
  DM_MEASURE_OLDER,
  DM_MEASURE_SIZE,
  DM_MEASURES
};

/* One look. Counters of 32 bits wrap; only differences are used. */
struct dm_sample
{
  uint32_t slice;             /* when */
  uint32_t peak[DM_MEASURES]; /* the high-water mark until then, since the
                                 last drop */
  uint32_t passed[2];         /* blocks that reached 100 s and 1000 s so far */
  int64_t old_bytes; /* live in blocks of 100 s and more */
};

/* How one measure climbed. It is dropped when it falls below half of its
   high-water mark: the mark starts anew there, and what was dropped is
   remembered as a tooth, for a saw has more than one. All times in slices. */
struct dm_climb
{
  uint32_t peak;         /* the high-water mark since the last drop */
  uint32_t peak_slice;   /* when it was last raised */
  uint32_t drop;         /* when it was last dropped; 0: never */
  uint32_t start;        /* when it was first raised after that */
  uint32_t dense;        /* the last look at which each of the shortest steps
                            had raised it */
  uint32_t pause;        /* about the longest time between two raises */
  uint32_t tooth_height; /* the highest mark that was dropped, */
  uint32_t tooth_length; /* and the longest time from a start to the last
                            raise before the drop */
};

struct dm_history
{
  struct dm_history *next; /* of the forgotten ones */
  uint32_t number;         /* the callsite */
  uint32_t first_slice;    /* when it was first looked at */
  bool from_birth;         /* and it had no old block at the look before */
  uint8_t counts[DM_HISTORY_LEVELS]; /* samples kept at each level */
  uint32_t passed_slice; /* the last look that found another block of 100 s */
  uint32_t fresh;        /* allocations other than by a moved realloc */
  uint32_t fresh_slice;  /* the last look that found one more of those */
  struct dm_climb climbs[DM_MEASURES];
  struct dm_sample latest;
  struct dm_sample samples[DM_HISTORY_LEVELS][DM_HISTORY_SAMPLES]; /* oldest
                                                                      first */
};

/* Makes room for CAP callsites. Returns 0 or -ENOMEM: then nothing is
   remembered, and the other functions do nothing. */
int dm_history_init(uint32_t cap);

/* A look at all callsites begins in slice NOW (dm_clock_age_zero). */
void dm_history_begin(uint32_t now);

/* Notes what the look that has begun sees of one callsite. Returns its history,
   or NULL when it has none: nothing to remember, or no memory. */
const struct dm_history *
dm_history_look(const struct dm_callsite_figures *figures);

/* The callsite's NUMBER is about to stand for another stack. */
void dm_history_forget(uint32_t number);

/* The part of dm_history_look that needs no table: adds a look at slice NOW to
   HISTORY, zeroed before the first one. BEFORE is the slice of the look
   before, at which there was nothing to remember yet, or 0 if there was no
   look. */
void dm_history_note(struct dm_history *history,
                     const struct dm_callsite_figures *figures, uint32_t now,
                     uint32_t before);

#endif
