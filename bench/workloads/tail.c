/* tail.c -- random replacement with a long tail of sizes.

   Half of the blocks have 16 to 31 bytes, a quarter twice that, and so on up
   to a rare mebibyte.  One block in sixteen is grown by realloc, one in 32
   comes from calloc and one in 64 from aligned_alloc, so the less common
   entry points are in the load too.  */

#include "stacks.h"
#include "workload.h"

#include <stdlib.h>

static long ops = 6000000, depth = 8, threads = 1, slots = 20000;

static const struct dm_option options[] = {
    {"ops", &ops, "replacements in all threads together"},
    {"depth", &depth, "frames above the leaf, at most 64"},
    {"threads", &threads, "threads that share the work"},
    {"slots", &slots, "live blocks of each thread"},
    {NULL, NULL, NULL}};

/* A size from the tail: a power of two that has as many binary digits as a
   geometric number says, with random lower digits.  */
static size_t
tail_size(uint64_t random)
{
  unsigned step = (unsigned) __builtin_ctzll(random | (1ull << 16));
  size_t least = (size_t) 16 << step;
  return least + (size_t) ((random >> 24) % least);
}

static void
replace(void **slot, uint64_t random)
{
  size_t size = tail_size(random);
  unsigned kind = (unsigned) (random >> 58);
  if (kind >= 60)
  {
    void *grown = realloc(*slot, size);
    if (grown != NULL)
      *slot = grown;
    return;
  }
  free(*slot);
  if (kind < 2)
    *slot = calloc(1, size);
  else if (kind == 2)
    *slot = aligned_alloc(64, (size + 63) & ~(size_t) 63);
  else
    *slot = malloc(size);
}

static void
churn(void *argument)
{
  uint64_t random = *(uint64_t *) argument;
  void **blocks = dm_workload_table((size_t) slots * sizeof *blocks);
  for (long i = ops / threads; i > 0; i--)
  {
    void **slot = &blocks[dm_workload_below(&random, (uint64_t) slots)];
    replace(slot, dm_workload_random(&random));
    if (*slot != NULL)
      *(char *) *slot = 1;
  }
  for (long i = 0; i < slots; i++)
    free(blocks[i]);
}

static void
work(long number)
{
  uint64_t random = 88172645463325252ull + (uint64_t) number;
  dm_stacks_deep(depth, churn, &random);
}

int
main(int argc, char **argv)
{
  dm_workload_options(argc, argv, options);
  if (threads < 1 || slots < 1)
    return 2;
  struct dm_clock start = dm_workload_now();
  dm_workload_threads(threads, work);
  dm_workload_report("tail", ops, start);
  return 0;
}
