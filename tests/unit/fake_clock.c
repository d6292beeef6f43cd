/* fake_clock.c -- a clock that shows what a test sets; see base/clock.h. */

#include "fake_clock.h"

#include "base/clock.h"

_Atomic uint32_t dm_clock_tick;

static _Atomic uint32_t now = 1;

void
fake_clock_set(uint32_t slice)
{
  now = slice;
  dm_clock_tick = slice;
}

uint32_t
dm_clock_read(void)
{
  return now;
}

uint32_t
dm_clock_age_zero(void)
{
  return now;
}
