/* fast_clock.c -- clock.c with seconds of 25 milliseconds: the one thing that
   build/tests/libdmalloc-fast.so has and the library has not.

   A verdict takes minutes. With this in place of base/clock.c (all of it: the
   tick, ages, history and uptime agree with each other) ten of them pass in 15
   seconds, while the program, the reporter and the interval of its dumps go on
   in real time. */

#include "base/clock.h"

#include <time.h>

#include "base/sys.h"

_Atomic uint32_t dm_clock_tick;

enum
{
  SECOND_NS = 1000000000,
  SLICE_NS = 25000000
};

static uint64_t start_ns;

void
dm_clock_start(void)
{
  start_ns = dm_sys_clock_ns(CLOCK_MONOTONIC);
}

uint32_t
dm_clock_slice_at(uint64_t ns)
{
  int64_t since = (int64_t) (ns - start_ns);
  return since < 0 ? 1 : (uint32_t) (since / SLICE_NS) + 1;
}

uint32_t
dm_clock_read(void)
{
  return dm_clock_slice_at(dm_sys_clock_ns(CLOCK_MONOTONIC));
}

uint32_t
dm_clock_age_zero(void)
{
  return dm_clock_slice_at(dm_sys_clock_ns(CLOCK_MONOTONIC) - SLICE_NS / 2);
}

uint64_t
dm_clock_uptime_ns(void)
{
  return (dm_sys_clock_ns(CLOCK_MONOTONIC) - start_ns) * (SECOND_NS / SLICE_NS);
}

uint64_t
dm_clock_slice_start_ns(uint32_t slice)
{
  return start_ns + (uint64_t) (slice - 1) * SLICE_NS;
}
