/* counted.c -- a fixed number of mallocs and frees, for counting instructions.

   counted_allocate and counted_release are what bench/counts lets callgrind
   collect; each handles seven blocks, so that glibc's per-thread cache serves
   all of them and the count does not depend on the heap's state.  */

#include "stacks.h"
#include "workload.h"

#include <stdlib.h>
#include <unistd.h>

enum
{
  BATCH = 7,     /* blocks */
  OWN_FRAMES = 6 /* work, dm_stacks_deep, main and three of libc */
};

static long ops = 7000, depth = 15, stacks = 1;

static const struct dm_option options[] = {
    {"ops", &ops, "mallocs, each with its free; rounded to sevens"},
    {"depth", &depth, "frames above the allocating function, 6 to 70"},
    {"stacks", &stacks, "different call stacks, in turns; 1: one"},
    {NULL, NULL, NULL}};

static void *volatile blocks[BATCH];

__attribute__((noinline)) void
counted_allocate(void *unused)
{
  (void) unused;
  for (int i = 0; i < BATCH; i++)
    blocks[i] = malloc(64);
}

__attribute__((noinline)) void
counted_release(void)
{
  for (int i = 0; i < BATCH; i++)
    free(blocks[i]);
}

static void
work(void *unused)
{
  (void) unused;
  for (long i = 0; i < ops / BATCH; i++)
  {
    if (stacks > 1)
      dm_stacks_numbered((unsigned) (i % stacks), counted_allocate, NULL);
    else
      counted_allocate(NULL);
    counted_release();
  }
}

int
main(int argc, char **argv)
{
  dm_workload_options(argc, argv, options);
  if (stacks < 1 || stacks > 65536)
    return 2;
  /* Under valgrind one thread runs at a time: this lets the reporter begin to
     keep the time, or the first operations would ask the clock.  */
  usleep(200000);
  dm_stacks_deep(depth - OWN_FRAMES, work, NULL);
  return 0;
}
