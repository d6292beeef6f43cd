/* verdict.h -- one word for a callsite: does it leak?

   The rule, its constants and what it was tested on are in docs/VERDICTS.md.
   Pure: figures and history in, a word out. It starts from what is published,
   generation counting (V. Sor and S. N. Srirama, 2014: how many distinct births
   are among the live), staleness (M. Hauswirth and T. Chilimbi, SWAT, 2004) and
   growth between looks (M. Jump and K. McKinley, Cork, 2007), and asks for all
   of it at once: old blocks, that set record after record, at equal distances,
   without as many going as come, and longer or higher than what was dropped
   before.

   Thread-safe and Signal-safe. Slices are those of base/clock.h. */

#ifndef DM_DUMP_VERDICT_H
#define DM_DUMP_VERDICT_H

#include <stdint.h>

#include "base/text.h"

struct dm_callsite_figures;
struct dm_history;

enum dm_word
{
  DM_TOO_EARLY, /* not enough seen */
  DM_GROWING,   /* old blocks keep accumulating */
  DM_STEADY,    /* a plateau: cache or pool */
  DM_STARTUP,   /* all born in the first minute and never again */
  DM_CHURN      /* almost nothing gets old */
};

/* "too early", "growing", "steady", "startup", "churn". */
extern const char *const dm_verdict_words[];

/* Why; each belongs to one word. */
enum dm_cause
{
  DM_NOTHING_OLD,   /* too early: no block is 100 s old */
  DM_WATCHED_SHORT, /* too early: old blocks, but watched for SECONDS only */
  DM_OLD_GROWS,     /* growing: blocks of 100 s and more */
  DM_OLDER_GROWS,   /* growing: blocks of 1000 s and more */
  DM_SIZE_GROWS,    /* growing: the same blocks, by realloc */
  DM_BORN_EVENLY,   /* growing: as many live of each age, as one look shows */
  DM_NONE_ADDED,    /* steady: for SECONDS nothing has turned 100 s */
  DM_COME_AND_GO,   /* steady: of COUNT that turned 100 s in SECONDS, as many
                       old ones as OTHER were freed */
  DM_AS_BEFORE,     /* steady: rises as it did before it was dropped */
  DM_BORN_EARLY,    /* startup */
  DM_FEW_SURVIVE    /* churn: COUNT of OTHER reached 100 s */
};

struct dm_verdict
{
  enum dm_word word;
  enum dm_cause cause;
  int64_t growth_per_minute; /* bytes; 0 unless growing */
  uint32_t since;            /* growing: the slice in which the first of what
                                accumulates was born, to the distance of the
                                samples; 0: not known */
  uint32_t seconds;
  uint64_t count, other;
};

/* Judges the callsite of FIGURES in slice NOW (dm_clock_age_zero), which is
   also that of the last look in HISTORY. HISTORY may be NULL. */
struct dm_verdict dm_verdict_judge(const struct dm_callsite_figures *figures,
                                   const struct dm_history *history,
                                   uint32_t now);

/* Appends VERDICT's reason, such as "+1.2MiB a minute in blocks of 100 s and
   more, since 02:11": times of day in UTC, as the dump's own, with the date
   when that is a day ago or more. TIME_MS (since 1970) is when it was slice
   NOW. */
void dm_verdict_reason(struct dm_text *text, const struct dm_verdict *verdict,
                       uint32_t now, uint64_t time_ms);

#endif
