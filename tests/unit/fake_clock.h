/* fake_clock.h -- a clock that shows what a test sets. */

#ifndef DM_TESTS_UNIT_FAKE_CLOCK_H
#define DM_TESTS_UNIT_FAKE_CLOCK_H

#include <stdint.h>

/* From now on it is SLICE. */
void fake_clock_set(uint32_t slice);

#endif
