/* reporter_rig.h -- watching threads and dumps come and go. */

#ifndef DM_TESTS_UNIT_REPORTER_RIG_H
#define DM_TESTS_UNIT_REPORTER_RIG_H

#include <stdint.h>

enum
{
  LONG_MS = 3600000 /* an interval that no test lives to see the end of */
};

void reporter_setup(void);

/* CLOCK_MONOTONIC, in milliseconds. */
uint64_t now_ms(void);

/* The threads of this process. *OTHER gets the id of one that is not ours. */
unsigned count_threads(int *other);

/* Wait until there are COUNT threads, or until COUNT dumps were made; the test
   fails after some seconds. */
void await_threads(unsigned count);
void await_dumps(unsigned count);

#endif
