/* verdict_rule.h -- the constants of the rule, and its part that looks back.

   For verdict.c and verdict_climbs.c alone; docs/VERDICTS.md says why each
   constant is what it is. */

#ifndef DM_DUMP_VERDICT_RULE_H
#define DM_DUMP_VERDICT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "dump/history.h"
#include "dump/verdict.h"

enum
{
  DM_OLD_AGE = 100,    /* a block this old is not in flight */
  DM_ROOTS = 6,        /* what is added must be sqrt(6), or 2.4, times the
                       root of what came: noise is not; and what went
                       counts twice */
  DM_SHARE = 3,        /* and a third of what came: a wave gains less */
  DM_STEADY_STEP = 16, /* no step but the first is less than a sixteenth of
                       the three: no jump, and no ebb */
  DM_SLOWER = 2,       /* a chain counts as far back as it went at most two
                       times faster */
  DM_FRESH = 100,      /* the last record is no older than this, or than twice
                       the longest pause before */
  DM_STARTUP_SECONDS = 60,
  DM_FEW = 10,      /* one in ten is few */
  DM_EVEN_SLOTS = 4 /* slots of 100 s that one look must find even */
};

/* Whether ADDED is more than chance and waves make of PASSED blocks that
   came. */
bool dm_verdict_is_material(uint64_t added, uint64_t passed);

/* Whether MEASURE grows, as HISTORY, whose last look was in slice NOW, tells;
   then *VERDICT says so. */
bool dm_verdict_climbs(const struct dm_callsite_figures *figures,
                       const struct dm_history *history,
                       enum dm_measure measure, uint32_t now,
                       struct dm_verdict *verdict);

/* Whether what is old at slice NOW rises as it did before it was dropped, and
   no higher. */
bool dm_verdict_is_as_before(const struct dm_history *history, uint32_t now);

#endif
