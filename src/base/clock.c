/* clock.c -- which second it is. */

#include "base/clock.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

#include "base/sys.h"
#include "base/uninherited.h"

DM_UNINHERITED _Atomic uint32_t dm_clock_tick;

enum
{
  SECOND_NS = 1000000000
};

static uint64_t start_ns;

/* The C library's own clock_gettime, whatever else is preloaded: it goes
   through the vDSO, so it is no system call, and it does not allocate. */
static int (*get_time)(clockid_t, struct timespec *) = clock_gettime;

static void
find_clock(void)
{
  void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  void *found = libc ? dlsym(libc, "clock_gettime") : NULL;
  if (found)
    memcpy(&get_time, &found, sizeof found);
}

void
dm_clock_start(void)
{
  find_clock();
  start_ns = dm_sys_clock_ns(CLOCK_MONOTONIC);
}

uint32_t
dm_clock_slice_at(uint64_t ns)
{
  /* The coarse clock may be a few milliseconds before the start. */
  int64_t since = (int64_t) (ns - start_ns);
  return since < 0 ? 1 : (uint32_t) (since / SECOND_NS) + 1;
}

uint32_t
dm_clock_read(void)
{
  struct timespec now;
  get_time(CLOCK_MONOTONIC_COARSE, &now);
  return dm_clock_slice_at((uint64_t) now.tv_sec * SECOND_NS +
                           (uint64_t) now.tv_nsec);
}

uint32_t
dm_clock_age_zero(void)
{
  return dm_clock_slice_at(dm_sys_clock_ns(CLOCK_MONOTONIC) - SECOND_NS / 2);
}

uint64_t
dm_clock_uptime_ns(void)
{
  return dm_sys_clock_ns(CLOCK_MONOTONIC) - start_ns;
}

uint64_t
dm_clock_slice_start_ns(uint32_t slice)
{
  return start_ns + (uint64_t) (slice - 1) * SECOND_NS;
}
