/* trigger.h -- when a dump is made: the signal, exit, fork, a call.

   The signal's handler only wakes the reporter, so nothing of a dump runs in
   the program's threads. Without a reporter it makes the dump itself, and then
   waits for nobody. */

#ifndef DM_DUMP_TRIGGER_H
#define DM_DUMP_TRIGGER_H

#include <stdbool.h>

#include "base/config.h"

/* Installs the handler, where the program's environment left the signal to its
   default, and starts the reporter. Returns NULL, or what could not be done
   for every dump to say. */
const char *dm_trigger_init(const struct dm_config *config);

/* A dump by the C interface, to descriptor FD or, when it is -1, to the
   process's own output. Returns 0 or -1. */
int dm_trigger_call(int fd);

/* At the process's normal end: dumps that were asked for are made, and then the
   last one where it is wanted. */
void dm_trigger_exit(void);

/* In a forked child. */
void dm_trigger_after_fork(void);

#endif
