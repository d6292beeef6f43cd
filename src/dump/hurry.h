/* hurry.h -- somebody waits for the end of the dump under way.

   A process that exits, or gives up rights, waits for the reporter. From a
   deadline on a dump then waits for no reader and looks for nothing more that
   it can do without. Signal-safe. */

#ifndef DM_DUMP_HURRY_H
#define DM_DUMP_HURRY_H

#include <stdbool.h>
#include <stdint.h>

/* Sets the deadline (CLOCK_MONOTONIC), or takes it back with UINT64_MAX.
   Thread-safe. */
void dm_hurry(uint64_t deadline_ns);
uint64_t dm_hurry_deadline(void);

/* Whether it is over. */
bool dm_hurry_is_over(void);

#endif
