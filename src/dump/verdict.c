/* verdict.c -- one word for a callsite: does it leak? */

#include "dump/verdict.h"

#include <stdbool.h>
#include <stddef.h>

#include "dump/history.h"
#include "dump/snapshot.h"

/* The constants of the rule; docs/VERDICTS.md says why. */
enum
{
  OLD_AGE = 100,       /* a block this old is not in flight */
  ROOTS = 6,           /* what is added must be sqrt(6), or 2.4, times the
                          root of what came: noise is not; and what went
                          counts twice */
  SHARE = 3,           /* and a third of what came: a wave gains less */
  STEADY_STEP = 16,    /* no step but the first is less than a sixteenth of
                          the three: no jump, and no ebb */
  SLOWER = 2,          /* a chain counts as far back as it went at most two
                          times faster */
  FRESH = 100,         /* the last record is no older than this, or than twice
                          the longest pause before */
  STARTUP_SECONDS = 60,
  FEW = 10,            /* one in ten is few */
  EVEN_SLOTS = 4       /* slots of 100 s that one look must find even */
};

/* The first slot of 10 s and of 100 s, and that of the older rest. */
enum
{
  TENS = 10,
  HUNDREDS = 19,
  OLDER = DM_BIRTH_SLOTS - 1
};

static uint32_t
slot_width(unsigned slot)
{
  return slot < TENS ? 1 : slot < HUNDREDS ? 10 : 100;
}

static uint32_t
slot_start(unsigned slot)
{
  return slot < TENS       ? slot
         : slot < HUNDREDS ? 10 * (slot - TENS + 1)
                           : 100 * (slot - HUNDREDS + 1);
}

static uint64_t
positive(int64_t value)
{
  return value > 0 ? (uint64_t) value : 0;
}

static uint64_t
old_count(const struct dm_callsite_figures *figures)
{
  return positive(figures->ages[3].count + figures->ages[4].count);
}

/* What is neither old nor on its way out: live blocks below 100 s. */
static uint64_t
young_count(const struct dm_callsite_figures *figures)
{
  const struct dm_live *ages = figures->ages;
  return positive(ages[0].count + ages[1].count + ages[2].count);
}

/* ------------------------------------------------------------------------
   Growing, by the history. */

/* Whether ADDED is more than chance and waves make of PASSED blocks that
   came. */
static bool
is_material(uint64_t added, uint64_t passed)
{
  uint64_t went = passed > added ? passed - added : 0;
  return added > 0 && added * added >= ROOTS * (passed + 2 * went) &&
         added * SHARE >= passed;
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
  if (history->counts[level] < DM_HISTORY_SAMPLES)
    return false;
  for (unsigned i = 1; i < DM_HISTORY_SAMPLES; i++)
    if (samples[i].peak[measure] <= samples[i - 1].peak[measure] ||
        samples[i].peak[measure] <= base)
      return false;
  uint64_t all = samples[3].peak[measure] - samples[0].peak[measure];
  for (unsigned i = 2; i < DM_HISTORY_SAMPLES; i++)
    if (STEADY_STEP *
            (uint64_t) (samples[i].peak[measure] - samples[i - 1].peak[measure]) <
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

/* What a climb that is no longer than a tooth before must rise above. */
static uint32_t
base_of(const struct dm_climb *climb, uint32_t now)
{
  uint32_t length = now - climb->start;
  return length <= climb->tooth_length + climb->tooth_length / 2
             ? climb->tooth_height
             : 0;
}

static bool
is_fresh(const struct dm_climb *climb, uint32_t now)
{
  uint32_t pause = now - climb->peak_slice;
  return climb->start && (pause <= FRESH || pause <= 2 * climb->pause);
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
             ROOTS * (uint64_t) history->latest.peak[DM_MEASURE_OLD] &&
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
  return SLOWER * late * (last->slice - start->slice) >=
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
  return is_material(last->peak[measure] - start->peak[measure],
                     last->passed[measure] - start->passed[measure]) &&
         (measure == DM_MEASURE_OLDER ? old_rises_too(history, chain)
                                      : goes_on(history, measure, chain));
}

/* Bytes gained since CHAIN's first sample, for each minute. */
static int64_t
rate_of(const struct dm_callsite_figures *figures,
        const struct dm_history *history, enum dm_measure measure,
        const struct chain *chain)
{
  uint32_t added =
      history->climbs[measure].peak - chain->first->peak[measure];
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

static bool
climbs(const struct dm_callsite_figures *figures,
       const struct dm_history *history, enum dm_measure measure, uint32_t now,
       struct dm_verdict *verdict)
{
  static const enum dm_cause causes[] = {DM_OLD_GROWS, DM_OLDER_GROWS,
                                         DM_SIZE_GROWS};
  static const uint32_t ages[] = {OLD_AGE, 10 * OLD_AGE, 0};
  const struct dm_climb *climb = &history->climbs[measure];
  struct chain chain;
  if (!is_fresh(climb, now))
    return false;
  for (unsigned level = 0; level < DM_HISTORY_LEVELS; level++)
  {
    if (!find_chain(history, measure, level, base_of(climb, now), &chain) ||
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

/* ------------------------------------------------------------------------
   Growing, by the ages of what lives: for one look, or few that lie far
   apart. */

/* How many slots of 100 s, the youngest first, lie within SPAN slices. */
static unsigned
slots_within(uint32_t span)
{
  uint32_t slots = span < OLD_AGE ? 0 : span / 100 - 1;
  return slots < OLDER - HUNDREDS ? slots : OLDER - HUNDREDS;
}

/* Whether the live blocks of the youngest COUNT slots of 100 s are spread
   evenly: some in each, and in the older half three quarters of those in the
   younger one. What has a lifetime thins out. */
static bool
is_even(const int32_t *slots, unsigned count, uint64_t *sum)
{
  uint64_t young = 0, old = 0;
  *sum = 0;
  for (unsigned i = 0; i < count; i++)
  {
    if (slots[i] <= 0)
      return false;
    if (i < count / 2)
      young += (uint64_t) slots[i];
    else if (i >= count - count / 2)
      old += (uint64_t) slots[i];
    *sum += (uint64_t) slots[i];
  }
  return 4 * old >= 3 * young;
}

/* The sample that the last look is compared with: the latest one that is three
   of the shortest steps old, else the oldest. NULL if there is none. */
static const struct dm_sample *
former_sample(const struct dm_history *history, uint32_t now)
{
  if (!history || history->counts[0] == 0)
    return NULL;
  const struct dm_sample *samples = history->samples[0];
  unsigned i = history->counts[0];
  while (--i > 0 && now - samples[i].slice < 3 * DM_HISTORY_STEP)
    ;
  return samples[i].slice < now ? &samples[i] : NULL;
}

static bool
is_born_evenly(const struct dm_callsite_figures *figures,
               const struct dm_history *history, uint32_t now,
               struct dm_verdict *verdict)
{
  const struct dm_sample *former = former_sample(history, now);
  uint32_t up = now - 1, span = former ? now - former->slice + OLD_AGE : up;
  unsigned slots = slots_within(span < up ? span : up);
  uint64_t sum;
  if (slots < EVEN_SLOTS || !is_even(figures->births + HUNDREDS, slots, &sum) ||
      !is_material(sum, sum))
    return false;
  uint64_t added = old_count(figures), seconds = up - OLD_AGE;
  if (former)
  {
    uint64_t before = former->peak[DM_MEASURE_OLD];
    added = added > before ? added - before : 0;
    seconds = now - former->slice;
    uint32_t passed = history->latest.passed[0] - former->passed[0];
    if (!is_material(added, passed) || 4 * added < 3 * (uint64_t) passed)
      return false; /* too many of those that came went */
  }
  else if (up > 1100 && 2 * positive(figures->births[OLDER]) * 100 * slots <
                            sum * (up - 1000))
    return false; /* more were born before than are left */
  uint64_t count = old_count(figures);
  int64_t bytes = figures->ages[3].bytes + figures->ages[4].bytes;
  *verdict = (struct dm_verdict){
      .word = DM_GROWING,
      .cause = former ? DM_OLD_GROWS : DM_BORN_EVENLY,
      .growth_per_minute =
          bytes / (int64_t) count * (int64_t) added * 60 / (int64_t) seconds,
      .since = former && former->slice > OLD_AGE ? former->slice - OLD_AGE : 1,
  };
  return true;
}

/* ------------------------------------------------------------------------
   The other words. */

/* Whether what is live was born in the first minute, as far as can be told:
   by the ages up to 1000 s, then by when the last block turned 100 s. */
static bool
is_startup(const struct dm_callsite_figures *figures,
           const struct dm_history *history, uint32_t now)
{
  uint32_t up = now - 1;
  if (FEW * young_count(figures) > old_count(figures))
    return false;
  unsigned slot = HUNDREDS;
  while (slot < OLDER && figures->births[slot] <= 0)
    slot++;
  if (slot < OLDER)
    return up - slot_start(slot) <= STARTUP_SECONDS + slot_width(slot);
  if (up < 1000 + STARTUP_SECONDS)
    return true;
  return history && history->from_birth &&
         history->passed_slice <= OLD_AGE + STARTUP_SECONDS + 60;
}

/* Few of what is live is old, and few of those whose fate is known got so
   far. */
static bool
is_churn(const struct dm_callsite_figures *figures, struct dm_verdict *verdict)
{
  uint64_t old = old_count(figures), passed = figures->survived[2];
  uint64_t known = figures->frees + old;
  if (known < FEW || FEW * passed > known ||
      FEW * old > old + young_count(figures))
    return false;
  *verdict = (struct dm_verdict){
      .word = DM_CHURN, .cause = DM_FEW_SURVIVE, .count = passed, .other = known};
  return true;
}

/* How long nothing was added, by the ages of what lives. */
static uint32_t
quiet_seconds(const struct dm_callsite_figures *figures)
{
  for (unsigned slot = 0; slot < DM_BIRTH_SLOTS; slot++)
    if (figures->births[slot] > 0)
      return slot_start(slot);
  return 0;
}

/* A plateau that was watched for long enough, or that nothing has been added
   to for as long. */
static struct dm_verdict
steady_or_early(const struct dm_callsite_figures *figures,
                const struct dm_history *history, uint32_t now)
{
  struct dm_verdict verdict = {.word = DM_STEADY, .cause = DM_NONE_ADDED};
  uint32_t enough = 3 * DM_HISTORY_STEP;
  uint32_t quiet = quiet_seconds(figures);
  const struct dm_sample *former = former_sample(history, now);
  uint32_t watched = former ? now - history->first_slice : 0;
  uint32_t idle = former ? now - history->passed_slice : 0;
  if (idle + OLD_AGE > quiet && idle > 0)
    quiet = idle + OLD_AGE;
  if (quiet >= enough)
  {
    verdict.seconds = quiet;
    return verdict;
  }
  if (watched < enough)
    return (struct dm_verdict){.cause = DM_WATCHED_SHORT, .seconds = watched};
  uint64_t before = former->peak[DM_MEASURE_OLD], old = old_count(figures);
  verdict.cause = DM_COME_AND_GO;
  verdict.seconds = now - former->slice;
  verdict.count = history->latest.passed[0] - former->passed[0];
  verdict.other = positive((int64_t) (verdict.count + before - old));
  return verdict;
}

struct dm_verdict
dm_verdict_judge(const struct dm_callsite_figures *figures,
                 const struct dm_history *history, uint32_t now)
{
  struct dm_verdict verdict;
  for (unsigned i = 0; history && i < DM_MEASURES; i++)
    if (climbs(figures, history, (enum dm_measure) i, now, &verdict))
      return verdict;
  bool few_looks = !history || history->counts[0] < DM_HISTORY_SAMPLES;
  if (few_looks && is_born_evenly(figures, history, now, &verdict))
    return verdict;
  if (now - 1 >= OLD_AGE && is_churn(figures, &verdict))
    return verdict;
  if (old_count(figures) == 0)
    return (struct dm_verdict){.cause = DM_NOTHING_OLD};
  if (is_startup(figures, history, now))
    return (struct dm_verdict){.word = DM_STARTUP, .cause = DM_BORN_EARLY};
  return steady_or_early(figures, history, now);
}
