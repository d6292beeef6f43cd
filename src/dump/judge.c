/* judge.c -- what the list of callsites is made from. */

#include "dump/judge.h"

#include "dump/history.h"
#include "dump/suppress.h"
#include "dump/verdict.h"

/* The first slot of each row of ages, and the end of the last. */
static const unsigned row_slots[DM_AGE_ROWS + 1] = {0, 1, 10, 19, 28, 29};

_Static_assert((int) DM_MIN_AGE_MAX <= DM_AGE_SLICES,
               "of what is older the age is not known");

struct dm_live
dm_judge_aged(const struct dm_callsite_figures *figures, uint64_t min_age_s)
{
  if (min_age_s == 0)
    return figures->live;
  struct dm_live aged = {0, 0};
  for (unsigned row = 0; row < DM_AGE_ROWS; row++)
  {
    const struct dm_live *all = &figures->ages[row];
    int64_t count = 0;
    for (unsigned slot = row_slots[row]; slot < row_slots[row + 1]; slot++)
      if (dm_birth_slot_start(slot) >= min_age_s)
        count += figures->births[slot];
    bool whole = count >= all->count || all->count <= 0;
    if (count <= 0)
      continue;
    aged.count += count;
    aged.bytes += whole ? all->bytes : all->bytes / all->count * count;
  }
  return aged;
}

void
dm_judge_look(const struct dm_callsite_figures *figures, uint32_t count,
              uint32_t now)
{
  dm_history_begin(now);
  for (uint32_t i = 0; i < count; i++)
    dm_history_look(&figures[i]);
}

/* Moves the callsites with live blocks to the front, judged. All of them are
   looked at, for one that has given everything back is remembered so. */
static uint32_t
look_at_all(struct dm_callsite_figures *figures, uint32_t count, uint32_t now)
{
  uint32_t live = 0;
  dm_history_begin(now);
  for (uint32_t i = 0; i < count; i++)
  {
    const struct dm_history *history = dm_history_look(&figures[i]);
    if (figures[i].live.count <= 0)
      continue;
    figures[live] = figures[i];
    figures[live].verdict = dm_verdict_judge(&figures[live], history, now);
    live++;
  }
  return live;
}

static void
sum_suppressed(struct dm_snapshot *snapshot,
               const struct dm_callsite_figures *site)
{
  snapshot->suppressed.count += site->live.count;
  snapshot->suppressed.bytes += site->live.bytes;
  snapshot->suppressed_callsites++;
}

/* Whether it has old blocks of which nobody knows yet whether they accumulate.
   What has no old block has nothing to tell, at any time. */
static bool
is_undecided(const struct dm_verdict *verdict)
{
  return verdict->word == DM_TOO_EARLY && verdict->cause == DM_WATCHED_SHORT;
}

uint32_t
dm_judge(struct dm_snapshot *snapshot, struct dm_callsite_figures *figures,
         uint32_t count, uint32_t now, uint64_t min_age_s)
{
  snapshot->now = now;
  snapshot->min_age_s = min_age_s;
  uint32_t live = look_at_all(figures, count, now), listed = 0;
  dm_suppress_learn(figures, live);
  for (uint32_t i = 0; i < live; i++)
  {
    bool growing = figures[i].verdict.word == DM_GROWING;
    if (dm_suppress_matches(figures[i].number, growing))
    {
      sum_suppressed(snapshot, &figures[i]);
      continue;
    }
    snapshot->unfreed++;
    snapshot->judged += figures[i].verdict.word != DM_TOO_EARLY;
    snapshot->growing += growing;
    snapshot->undecided += is_undecided(&figures[i].verdict);
    figures[i].counted = dm_judge_aged(&figures[i], min_age_s);
    if (figures[i].counted.count > 0)
      figures[listed++] = figures[i];
  }
  return listed;
}
