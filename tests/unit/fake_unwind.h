/* fake_unwind.h -- an unwinder that finds the callsite a test sets. */

#ifndef DM_TESTS_UNIT_FAKE_UNWIND_H
#define DM_TESTS_UNIT_FAKE_UNWIND_H

#include <stdint.h>

extern uint32_t fake_callsite;

#endif
