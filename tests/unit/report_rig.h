/* report_rig.h -- what the tests of the reports share: a snapshot, and its
   dumps as strings. */

#ifndef REPORT_RIG_H
#define REPORT_RIG_H

#include "dump/snapshot.h"

enum { TOP = 200 };

extern struct dm_snapshot snapshot;
extern struct dm_callsite_figures top[TOP];
extern char output[1 << 20];   /* the last dump */

/* The fixture: the dump of the interface's example, as far as it is known,
   with no callsite listed. */
void rig_setup(void);

/* Two callsites: one with names, one without, and one frame of no module. */
void list_callsites(void);

const char *text_dump(void);
const char *json_dump(void);

/* Checks that DUMP has PART, or has not. */
void has(const char *dump, const char *part);
void has_not(const char *dump, const char *part);

#endif
