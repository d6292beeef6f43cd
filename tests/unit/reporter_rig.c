/* reporter_rig.c -- watching threads and dumps come and go. */

#include "reporter_rig.h"

#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "fake_dump.h"

void
reporter_setup(void)
{
  dm_clock_start();
}

uint64_t
now_ms(void)
{
  return dm_sys_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

unsigned
count_threads(int *other)
{
  unsigned count = 0;
  DIR *tasks = opendir("/proc/self/task");
  struct dirent *entry;
  while ((entry = readdir(tasks)))
    if (entry->d_name[0] != '.')
    {
      count++;
      if (other && atoi(entry->d_name) != gettid())
        *other = atoi(entry->d_name);
    }
  closedir(tasks);
  return count;
}

void
await_dumps(unsigned count)
{
  uint64_t deadline = now_ms() + 5000;
  while (fake_dump_count() < count && now_ms() < deadline)
    usleep(1000);
  ck_assert_uint_ge(fake_dump_count(), count);
}

void
await_threads(unsigned count)
{
  uint64_t deadline = now_ms() + 5000;
  while (count_threads(NULL) != count && now_ms() < deadline)
    usleep(1000);
  ck_assert_uint_eq(count_threads(NULL), count);
}
