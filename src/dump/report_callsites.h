/* report_callsites.h -- the callsites of a report.

   For report_text.c and report_json.c. */

#ifndef DM_DUMP_REPORT_CALLSITES_H
#define DM_DUMP_REPORT_CALLSITES_H

#include "base/text.h"
#include "dump/snapshot.h"

/* The list: its heading, each callsite with its verdict, ages and frames, and
   the rows (suppressed) and (other). Looks the names up first. */
void dm_report_callsites_text(struct dm_text *text,
                              const struct dm_snapshot *snapshot);

/* The members of one listed callsite but its frames, from the brace on. */
void dm_report_figures_json(struct dm_text *text,
                            const struct dm_snapshot *snapshot,
                            const struct dm_callsite_figures *site);

#endif
