/* fake_unwind.h -- an unwinder that finds the callsite a test sets. */

#ifndef DM_TESTS_UNIT_FAKE_UNWIND_H
#define DM_TESTS_UNIT_FAKE_UNWIND_H

#include <stdint.h>

extern uint32_t fake_callsite;

/* When not 0: what is found next time. After the next look-up the numbers are
   being reclaimed, and it is this one that the stack has then. */
extern uint32_t fake_next_callsite;

#endif
