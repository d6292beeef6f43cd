/* hurry.c -- somebody waits for the end of the dump under way. */

#include "dump/hurry.h"

#include <stdatomic.h>
#include <time.h>

#include "base/sys.h"

static _Atomic uint64_t deadline = UINT64_MAX;

void
dm_hurry(uint64_t deadline_ns)
{
  atomic_store(&deadline, deadline_ns);
}

uint64_t
dm_hurry_deadline(void)
{
  return atomic_load_explicit(&deadline, memory_order_relaxed);
}

bool
dm_hurry_is_over(void)
{
  uint64_t until = dm_hurry_deadline();
  return until != UINT64_MAX && dm_sys_clock_ns(CLOCK_MONOTONIC) >= until;
}
