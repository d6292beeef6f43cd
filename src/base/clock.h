/* clock.h -- which second it is, read on every allocation.

   Ages are counted on CLOCK_MONOTONIC: they stand still while the machine is
   suspended, so that a night in a bag makes no leak. Time is given in slices
   of one second, counted from 1 at the start of the process, so that 0 can
   mean "no birth known".

   While a reporter runs it advances a tick, and reading the time is one load.
   Without one the coarse clock is asked, about 5 ns (see docs/PERFORMANCE.md).
 */

#ifndef DM_BASE_CLOCK_H
#define DM_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/hidden.h"

/* Notes the start of the process. Called once, by init.c. */
void dm_clock_start(void);

/* The slice that the clock shows now: 1 in the first second. Thread-safe,
   Signal-safe. */
uint32_t dm_clock_read(void);

/* The slice that NS (CLOCK_MONOTONIC, nanoseconds) lies in. */
uint32_t dm_clock_slice_at(uint64_t ns);

/* The slice that counts as the youngest when ages are told: the one that half
   a second ago lay in. A slice that has just begun and the one before it are
   both "now", so that a dump at the turn of a second shows the whole last
   second, and no age is off by more than half a slice. */
uint32_t dm_clock_age_zero(void);

/* Nanoseconds since dm_clock_start. */
uint64_t dm_clock_uptime_ns(void);

/* CLOCK_MONOTONIC, in nanoseconds, at which SLICE begins. */
uint64_t dm_clock_slice_start_ns(uint32_t slice);

/* The slice that the reporter announced last, or 0 when nobody announces.
   Written by the reporter alone, relaxed: a reader that sees it a moment late
   files a block one slice too old, which is the resolution of an age anyway. In
   a forked child, where no reporter is, it is 0 (base/uninherited.h). */
extern DM_HIDDEN _Atomic uint32_t dm_clock_tick;

/* The slice that it is now. Thread-safe, Signal-safe. */
static inline uint32_t
dm_clock_slice(void)
{
  uint32_t tick = atomic_load_explicit(&dm_clock_tick, memory_order_relaxed);
  return __builtin_expect(tick != 0, 1) ? tick : dm_clock_read();
}

#endif
