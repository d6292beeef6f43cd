/* verdict_climbs.c -- growing, by the history.

   What accumulates sets record after record: at some distance of the samples,
   each of the last three steps has raised the high-water mark, none of the last
   two by much less than the others; what was added is more than chance; and it
   goes on. */

#include "dump/verdict_rule.h"

#include <stddef.h>

#include "dump/snapshot.h"

/* Whether ADDED is more than chance and waves make of PASSED blocks that
   came. */
bool
dm_verdict_is_material(uint64_t added, uint64_t passed)
{
  uint64_t went = passed > added ? passed - added : 0;
  return added > 0 && added * added >= DM_ROOTS * (passed + 2 * went) &&
         added * DM_SHARE >= passed;
}

/* A row of samples that set one record after another. */
struct chain
{
  const struct dm_sample *first; /* of the level that was looked at */
  const struct dm_sample *start; /* and how far it goes back */
};

/* The chain of MEASURE at LEVEL: all four samples rise, the second above BASE.
   Before them it goes on through the sparser levels as long as they fall, and
   up to the last drop. */
static bool
find_chain(const struct dm_history *history, enum dm_measure measure,
           unsigned level, uint32_t base, struct chain *chain)
{
  const struct dm_sample *samples = history->samples[level];
  if (history->counts[level] < DM_HISTORY_SAMPLES ||
      samples[1].slice < history->climbs[measure].drop)
    return false;
  for (unsigned i = 1; i < DM_HISTORY_SAMPLES; i++)
    if (samples[i].peak[measure] <= samples[i - 1].peak[measure] ||
        samples[i].peak[measure] <= base)
      return false;
  uint64_t all = samples[3].peak[measure] - samples[0].peak[measure];
  for (unsigned i = 2; i < DM_HISTORY_SAMPLES; i++)
    if (DM_STEADY_STEP * (uint64_t) (samples[i].peak[measure] -
                                     samples[i - 1].peak[measure]) <
        all)
      return false;
  chain->first = chain->start = &samples[0];
  for (; level < DM_HISTORY_LEVELS; level++)
    for (unsigned i = history->counts[level]; i-- > 0;)
    {
      const struct dm_sample *sample = &history->samples[level][i];
      if (sample->slice >= chain->start->slice)
        continue;
      if (sample->slice < history->climbs[measure].drop ||
          sample->peak[measure] >= chain->start->peak[measure])
        return true;
      chain->start = sample;
    }
  return true;
}

/* Whether CLIMB is no longer than one before that was dropped, or half as long
   again. */
static bool
is_tooth(const struct dm_climb *climb, uint32_t now)
{
  return climb->start &&
         now - climb->start <= climb->tooth_length + climb->tooth_length / 2;
}

bool
dm_verdict_is_as_before(const struct dm_history *history, uint32_t now)
{
  const struct dm_climb *climb = &history->climbs[DM_MEASURE_OLD];
  return is_tooth(climb, now) && climb->peak <= climb->tooth_height;
}

static bool
is_fresh(const struct dm_climb *climb, uint32_t now)
{
  uint32_t pause = now - climb->peak_slice;
  return climb->start && (pause <= DM_FRESH || pause <= 2 * climb->pause);
}

/* How much MEASURE rose from SAMPLE to the last look. */
static uint64_t
rise_since(const struct dm_history *history, enum dm_measure measure,
           const struct dm_sample *sample)
{
  uint32_t now = history->latest.peak[measure], then = sample->peak[measure];
  return now > then ? now - then : 0;
}

/* Whether OF rose of late, in the three shortest steps, at least half as fast
   as MEASURE does in CHAIN. */
static bool
still_rises(const struct dm_history *history, enum dm_measure of,
            enum dm_measure measure, const struct chain *chain)
{
  const struct dm_sample *late = &history->samples[0][0];
  uint32_t now = history->latest.slice;
  return 2 * rise_since(history, of, late) * (now - chain->first->slice) >=
         rise_since(history, measure, chain->first) * (now - late->slice);
}

/* Whether CHAIN goes on. If the shortest steps once rose like it, they must
   still do so; what always came in bursts has its pauses. */
static bool
goes_on(const struct dm_history *history, enum dm_measure measure,
        const struct chain *chain)
{
  return history->climbs[measure].dense < chain->first->slice ||
         still_rises(history, measure, measure, chain);
}

/* What becomes older was old before: that alone is no growth. The blocks of
   100 s must rise with those of 1000 s, and by more than a plateau wavers. */
static bool
old_rises_too(const struct dm_history *history, const struct chain *chain)
{
  uint64_t rise = rise_since(history, DM_MEASURE_OLD, chain->first);
  return rise * rise >=
             DM_ROOTS * (uint64_t) history->latest.peak[DM_MEASURE_OLD] &&
         still_rises(history, DM_MEASURE_OLD, DM_MEASURE_OLDER, chain);
}

/* The sample that what CHAIN added until LAST is counted from: as far back as
   it goes, if it did not go much faster then. What filled quickly and now
   wavers is judged by how it wavers. */
static const struct dm_sample *
base_sample(enum dm_measure measure, const struct chain *chain,
            const struct dm_sample *last)
{
  const struct dm_sample *first = chain->first, *start = chain->start;
  uint64_t all = last->peak[measure] - start->peak[measure];
  uint64_t late = last->peak[measure] - first->peak[measure];
  return DM_SLOWER * late * (last->slice - start->slice) >=
                 all * (last->slice - first->slice)
             ? start
             : first;
}

/* Whether what CHAIN added outweighs what went. */
static bool
chain_is_material(const struct dm_history *history, enum dm_measure measure,
                  const struct chain *chain)
{
  if (measure == DM_MEASURE_SIZE)
    /* Only what realloc did: no other block was born meanwhile. */
    return history->fresh_slice <= chain->first->slice &&
           goes_on(history, measure, chain);
  const struct dm_sample *last = chain->first + DM_HISTORY_SAMPLES - 1;
  const struct dm_sample *start = base_sample(measure, chain, last);
  return dm_verdict_is_material(last->peak[measure] - start->peak[measure],
                                last->passed[measure] -
                                    start->passed[measure]) &&
         (measure == DM_MEASURE_OLDER ? old_rises_too(history, chain)
                                      : goes_on(history, measure, chain));
}

/* Bytes gained since CHAIN's first sample, for each minute. */
static int64_t
rate_of(const struct dm_callsite_figures *figures,
        const struct dm_history *history, enum dm_measure measure,
        const struct chain *chain)
{
  uint32_t added = history->climbs[measure].peak - chain->first->peak[measure];
  uint32_t seconds = history->latest.slice - chain->first->slice;
  const struct dm_live *row = &figures->ages[4];
  int64_t bytes;
  if (measure == DM_MEASURE_SIZE)
    bytes = (int64_t) added << 10;
  else if (measure == DM_MEASURE_OLDER)
    bytes = row->count > 0 ? row->bytes / row->count * added : 0;
  else
    bytes = history->latest.old_bytes - chain->first->old_bytes;
  return bytes > 0 && seconds > 0 ? bytes * 60 / seconds : 0;
}

bool
dm_verdict_climbs(const struct dm_callsite_figures *figures,
                  const struct dm_history *history, enum dm_measure measure,
                  uint32_t now, struct dm_verdict *verdict)
{
  static const enum dm_cause causes[] = {DM_OLD_GROWS, DM_OLDER_GROWS,
                                         DM_SIZE_GROWS};
  static const uint32_t ages[] = {DM_OLD_AGE, 10 * DM_OLD_AGE, 0};
  const struct dm_climb *climb = &history->climbs[measure];
  struct chain chain;
  if (!is_fresh(climb, now))
    return false;
  for (unsigned level = 0; level < DM_HISTORY_LEVELS; level++)
  {
    if (!find_chain(history, measure, level,
                    is_tooth(climb, now) ? climb->tooth_height : 0, &chain) ||
        !chain_is_material(history, measure, &chain))
      continue;
    uint32_t since = chain.start->slice;
    *verdict = (struct dm_verdict){
        .word = DM_GROWING,
        .cause = causes[measure],
        .growth_per_minute = rate_of(figures, history, measure, &chain),
        .since = since > ages[measure] ? since - ages[measure] : 1,
    };
    return true;
  }
  return false;
}
