/* init.h -- start-up is one ordered list; this is all that others see of it. */

#ifndef DM_INIT_H
#define DM_INIT_H

#include <stdbool.h>

/* Whether this process is tracked. */
bool dm_tracking(void);

#endif
