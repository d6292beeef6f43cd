/* c_interface.c -- the functions of include/dmalloc.h. */

#include "dmalloc.h"

#include <stddef.h>

#include "dump/snapshot.h"
#include "dump/trigger.h"
#include "init.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int(dmalloc_present)(void)
{
  return dm_tracking();
}

EXPORT int(dmalloc_dump)(int fd)
{
  return dm_tracking() ? dm_trigger_call(fd) : -1;
}

EXPORT int(dmalloc_totals)(struct dmalloc_totals *totals)
{
  if (!dm_tracking())
    return -1;
  struct dm_snapshot snapshot = {0};
  dm_snapshot_totals(&snapshot);
  *totals = (struct dmalloc_totals){
      .allocations = snapshot.allocations,
      .frees = snapshot.frees,
      .live = (uint64_t) snapshot.live.count,
      .live_bytes = (uint64_t) snapshot.live.bytes,
      .peak_bytes = snapshot.peak_bytes,
      .allocated_bytes = snapshot.allocated_bytes,
      .reallocs_in_place = snapshot.in_place,
      .reallocs_moved = snapshot.moved,
      .foreign_frees = snapshot.mishaps.foreign_frees,
  };
  return 0;
}
