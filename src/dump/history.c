/* history.c -- looks at a callsite over time, in bounded memory. */

#include "dump/history.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/sys.h"
#include "dump/snapshot.h"

static struct dm_history **index_by_number;
static uint32_t room;
static struct dm_history *spare; /* forgotten ones */
static uint32_t this_look, look_before;

/* ------------------------------------------------------------------------
   One callsite. */

static uint32_t
saturated(int64_t value)
{
  return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t) value;
}

/* Follows one measure. The pause decays by a sixteenth with each raise, so that
   it tells of the last dozens of them. */
static void
climb(struct dm_climb *climb, uint32_t value, uint32_t now)
{
  if (value > climb->peak)
  {
    uint32_t pause = now - climb->peak_slice;
    uint32_t decayed = climb->pause - (climb->pause + 15) / 16;
    climb->pause = pause > decayed && climb->start ? pause : decayed;
    climb->peak = value;
    climb->peak_slice = now;
    if (!climb->start)
      climb->start = now;
  }
  else if (value < climb->peak / 2)
  {
    uint32_t length = climb->start ? climb->peak_slice - climb->start : 0;
    if (climb->tooth_height < climb->peak)
      climb->tooth_height = climb->peak;
    if (climb->tooth_length < length)
      climb->tooth_length = length;
    climb->peak = value;
    climb->peak_slice = climb->drop = now;
    climb->start = 0;
    climb->pause = 0;
  }
}

static uint32_t
step_of(unsigned level)
{
  return (uint32_t) DM_HISTORY_STEP << (2 * level);
}

/* Keeps SAMPLE at each level whose step is over. A look comes when it comes:
   the one that is nearest to the end of the step counts, GAP being the time
   between looks. */
static void
keep(struct dm_history *history, const struct dm_sample *sample, uint32_t gap)
{
  for (unsigned level = 0; level < DM_HISTORY_LEVELS; level++)
  {
    struct dm_sample *samples = history->samples[level];
    uint8_t *count = &history->counts[level];
    uint32_t slack =
        gap / 2 < step_of(level) / 4 ? gap / 2 : step_of(level) / 4;
    if (*count > 0 &&
        sample->slice - samples[*count - 1].slice < step_of(level) - slack)
      continue;
    if (*count == DM_HISTORY_SAMPLES)
      memmove(samples, samples + 1, --*count * sizeof *samples);
    samples[(*count)++] = *sample;
  }
}

/* Notes which measures every one of the shortest steps has raised. */
static void
note_dense(struct dm_history *history)
{
  const struct dm_sample *samples = history->samples[0];
  for (unsigned i = 0; i < DM_MEASURES; i++)
  {
    unsigned step = 1;
    while (step < history->counts[0] &&
           samples[step].peak[i] > samples[step - 1].peak[i])
      step++;
    if (step == DM_HISTORY_SAMPLES)
      history->climbs[i].dense = history->latest.slice;
  }
}

/* The first look. When the look before saw no old block, it is the first
   sample: an empty one. */
static void
start(struct dm_history *history, const struct dm_callsite_figures *figures,
      uint32_t now, uint32_t before)
{
  history->number = figures->number;
  history->first_slice = before ? before : now;
  history->from_birth = before != 0;
  history->fresh_slice = history->passed_slice = now;
  history->fresh = (uint32_t) (figures->allocations - figures->moved);
  history->latest.slice = now;
  if (!before)
    return;
  struct dm_sample empty = {.slice = before};
  for (unsigned i = 0; i < DM_MEASURES; i++)
    history->climbs[i].peak_slice = before;
  keep(history, &empty, 0);
  history->latest = empty;
}

void
dm_history_note(struct dm_history *history,
                const struct dm_callsite_figures *figures, uint32_t now,
                uint32_t before)
{
  if (history->first_slice == 0)
    start(history, figures, now, before);
  uint32_t fresh = (uint32_t) (figures->allocations - figures->moved);
  if (fresh != history->fresh)
    history->fresh_slice = now;
  history->fresh = fresh;

  const struct dm_live *ages = figures->ages;
  const uint32_t values[DM_MEASURES] = {
      [DM_MEASURE_OLD] = saturated(ages[3].count + ages[4].count),
      [DM_MEASURE_OLDER] = saturated(ages[4].count),
      [DM_MEASURE_SIZE] = saturated(figures->live.bytes >> 10),
  };
  struct dm_sample sample = {
      .slice = now,
      .passed = {(uint32_t) figures->survived[2],
                 (uint32_t) figures->survived[3]},
      .old_bytes = ages[3].bytes + ages[4].bytes,
  };
  if (sample.passed[0] != history->latest.passed[0])
    history->passed_slice = now;
  for (unsigned i = 0; i < DM_MEASURES; i++)
  {
    climb(&history->climbs[i], values[i], now);
    sample.peak[i] = history->climbs[i].peak;
  }
  keep(history, &sample, now - history->latest.slice);
  history->latest = sample;
  note_dense(history);
}

/* ------------------------------------------------------------------------
   All callsites. */

int
dm_history_init(uint32_t cap)
{
  index_by_number = dm_sys_map((cap + 1) * sizeof *index_by_number);
  room = index_by_number ? cap + 1 : 0;
  return index_by_number ? 0 : -ENOMEM;
}

void
dm_history_begin(uint32_t now)
{
  if (now == this_look)
    return;
  look_before = this_look;
  this_look = now;
}

/* Realloc is common; a vector without end is not small for long. */
enum
{
  VECTOR_BYTES = 65536
};

static bool
is_worth_it(const struct dm_callsite_figures *figures)
{
  return figures->survived[2] > 0 || (figures->live.bytes >= VECTOR_BYTES &&
                                      (figures->moved || figures->in_place));
}

static struct dm_history *
new_history(void)
{
  struct dm_history *history = spare;
  if (!history)
    return dm_arena_alloc(sizeof *history, 8);
  spare = history->next;
  memset(history, 0, sizeof *history);
  return history;
}

const struct dm_history *
dm_history_look(const struct dm_callsite_figures *figures)
{
  if (figures->number >= room)
    return NULL;
  struct dm_history **place = &index_by_number[figures->number];
  if (!*place && is_worth_it(figures))
    *place = new_history();
  /* Twice in a second is one look, for a step must have a length. */
  if (*place && (*place)->latest.slice != this_look)
    dm_history_note(*place, figures, this_look, look_before);
  return *place;
}

void
dm_history_forget(uint32_t number)
{
  if (number >= room || !index_by_number[number])
    return;
  struct dm_history *history = index_by_number[number];
  index_by_number[number] = NULL;
  history->next = spare;
  spare = history;
}
