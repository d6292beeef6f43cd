/* report.h -- a snapshot as text for people and as one JSON line for tools.

   The formats are the contract of docs/FORMAT.md. Both only append to a text
   and ask symbols.h for names; neither allocates nor locks. */

#ifndef DM_DUMP_REPORT_H
#define DM_DUMP_REPORT_H

#include "base/text.h"
#include "dump/snapshot.h"

void dm_report_text(struct dm_text *text, const struct dm_snapshot *snapshot);
void dm_report_json(struct dm_text *text, const struct dm_snapshot *snapshot);

#endif
