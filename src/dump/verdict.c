/* verdict.c -- one word for a callsite: does it leak? */

#include "dump/verdict.h"

#include <stdbool.h>
#include <stddef.h>

#include "dump/history.h"
#include "dump/snapshot.h"
#include "dump/verdict_rule.h"

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
   Growing, by the ages of what lives: for one look, or few that lie far
   apart. */

/* How many slots of 100 s, the youngest first, lie within SPAN slices. */
static unsigned
slots_within(uint32_t span)
{
  uint32_t slots = span < DM_OLD_AGE ? 0 : span / 100 - 1;
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
  uint32_t up = now - 1, span = former ? now - former->slice + DM_OLD_AGE : up;
  unsigned slots = slots_within(span < up ? span : up);
  uint64_t sum, count = old_count(figures);
  /* The rest may be below zero for a moment, and then the slots are not. */
  if (slots < DM_EVEN_SLOTS || count == 0 ||
      !is_even(figures->births + HUNDREDS, slots, &sum) ||
      !dm_verdict_is_material(sum, sum))
    return false;
  uint64_t added = count, seconds = up - DM_OLD_AGE;
  if (former)
  {
    uint64_t before = former->peak[DM_MEASURE_OLD];
    added = added > before ? added - before : 0;
    seconds = now - former->slice;
    uint32_t passed = history->latest.passed[0] - former->passed[0];
    if (!dm_verdict_is_material(added, passed) ||
        4 * added < 3 * (uint64_t) passed)
      return false; /* too many of those that came went */
  }
  else if (up > 1100 && 2 * positive(figures->births[OLDER]) * 100 * slots <
                            sum * (up - 1000))
    return false; /* more were born before than are left */
  int64_t bytes = figures->ages[3].bytes + figures->ages[4].bytes;
  *verdict = (struct dm_verdict){
      .word = DM_GROWING,
      .cause = former ? DM_OLD_GROWS : DM_BORN_EVENLY,
      .growth_per_minute =
          bytes / (int64_t) count * (int64_t) added * 60 / (int64_t) seconds,
      .since =
          former && former->slice > DM_OLD_AGE ? former->slice - DM_OLD_AGE : 1,
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
  if (DM_FEW * young_count(figures) > old_count(figures))
    return false;
  unsigned slot = HUNDREDS;
  while (slot < OLDER && figures->births[slot] <= 0)
    slot++;
  if (slot < OLDER)
    return up - dm_birth_slot_start(slot) <=
           DM_STARTUP_SECONDS + slot_width(slot);
  if (up < 1000 + DM_STARTUP_SECONDS)
    return true;
  return history && history->from_birth &&
         history->passed_slice <= DM_OLD_AGE + DM_STARTUP_SECONDS + 60;
}

/* Few of what is live is old, and few of those whose fate is known got so
   far. */
static bool
is_churn(const struct dm_callsite_figures *figures, struct dm_verdict *verdict)
{
  uint64_t old = old_count(figures), passed = figures->survived[2];
  uint64_t known = figures->frees + old;
  if (known < DM_FEW || DM_FEW * passed > known ||
      DM_FEW * old > old + young_count(figures))
    return false;
  *verdict = (struct dm_verdict){.word = DM_CHURN,
                                 .cause = DM_FEW_SURVIVE,
                                 .count = passed,
                                 .other = known};
  return true;
}

/* How long nothing was added, by the ages of what lives. */
static uint32_t
quiet_seconds(const struct dm_callsite_figures *figures)
{
  for (unsigned slot = 0; slot < DM_BIRTH_SLOTS; slot++)
    if (figures->births[slot] > 0)
      return dm_birth_slot_start(slot);
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
  if (idle + DM_OLD_AGE > quiet && idle > 0)
    quiet = idle + DM_OLD_AGE;
  if (quiet >= enough)
  {
    verdict.seconds = quiet;
    return verdict;
  }
  if (watched < enough)
    return (struct dm_verdict){.cause = DM_WATCHED_SHORT, .seconds = watched};
  uint64_t before = former->peak[DM_MEASURE_OLD], old = old_count(figures);
  verdict.cause =
      dm_verdict_is_as_before(history, now) ? DM_AS_BEFORE : DM_COME_AND_GO;
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
    if (dm_verdict_climbs(figures, history, (enum dm_measure) i, now, &verdict))
      return verdict;
  bool few_looks = !history || history->counts[0] < DM_HISTORY_SAMPLES;
  if (few_looks && is_born_evenly(figures, history, now, &verdict))
    return verdict;
  if (now - 1 >= DM_OLD_AGE && is_churn(figures, &verdict))
    return verdict;
  if (old_count(figures) == 0 && (!history || figures->survived[2] == 0))
    return (struct dm_verdict){.cause = DM_NOTHING_OLD};
  if (old_count(figures) > 0 && is_startup(figures, history, now))
    return (struct dm_verdict){.word = DM_STARTUP, .cause = DM_BORN_EARLY};
  return steady_or_early(figures, history, now);
}
