/* c_interface.c -- include/dmalloc.h, with the profiler and without it. */

#include "small.h"

#include "dmalloc.h"

APART static void *
make(void)
{
  return malloc(500);
}

int
main(void)
{
  struct dmalloc_totals before = { .live = 12345 }, after;
  if (!dmalloc_present())
    {
      CHECK(dmalloc_dump(1) == -1);
      CHECK(dmalloc_totals(&before) == -1 && before.live == 12345);
      say("absent\n");
      return 0;
    }
  CHECK(dmalloc_totals(&before) == 0);
  for (int i = 0; i < 20; i++)
    {
      void *block = make();
      CHECK(block);
      if (i < 7)
        free(block);
    }
  CHECK(dmalloc_totals(&after) == 0);
  CHECK(after.allocations - before.allocations == 20);
  CHECK(after.frees - before.frees == 7);
  CHECK(after.live - before.live == 13);
  CHECK(after.live_bytes - before.live_bytes == 13 * 500);
  CHECK(after.allocated_bytes - before.allocated_bytes == 20 * 500);
  CHECK(after.peak_bytes >= after.live_bytes);
  CHECK(after.allocations - after.frees == after.live);
  CHECK(dmalloc_dump(1) == 0);
  CHECK(dmalloc_dump(999) == -1);
  return 0;
}
