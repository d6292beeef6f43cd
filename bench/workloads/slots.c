/* slots.c -- malloc and free of 16 to 512 bytes over 10,000 slots.

   The classic loop: a random slot's block is freed and a new one of random
   size put there.  One leaf under a fixed number of frames allocates, or, with
   --stacks, one of many; so the cost of the stack can be told from the cost of
   the books.  --laps prints the cost of each part of a long run.  */

#include "stacks.h"
#include "workload.h"

#include <stdlib.h>

static long ops = 20000000, depth = 15, threads = 1, slots = 10000;
static long smallest = 16, largest = 512, stacks = 0, laps = 0;

static const struct dm_option options[] = {
    {"ops", &ops, "frees and mallocs in all threads together"},
    {"depth", &depth, "frames above the leaf, 8 to 72"},
    {"threads", &threads, "threads that share the work"},
    {"slots", &slots, "live blocks in all threads together"},
    {"smallest", &smallest, "bytes of the smallest block"},
    {"largest", &largest, "bytes of the largest block"},
    {"stacks", &stacks, "different call stacks, up to 65536; 0: one"},
    {"laps", &laps, "parts to report; 0: only the whole"},
    {NULL, NULL, NULL}};

/* The frames between the leaf and the start of the program that are there
   anyway: churn, dm_stacks_deep, work, dm_workload_threads, main and three of
   libc.  A further thread has two less.  */
enum
{
  OWN_FRAMES = 8
};

/* One thread's share of the work.  */
struct share
{
  long ops;
  long slots;
  uint64_t random;
  void **blocks;
};

struct request
{
  size_t size;
  void *block;
};

static __attribute__((noinline)) void
leaf(void *argument)
{
  struct request *request = argument;
  request->block = malloc(request->size);
  __asm__ volatile("" ::: "memory");
}

static void
churn(void *argument)
{
  struct share *share = argument;
  uint64_t random = share->random;
  uint64_t sizes = (uint64_t) (largest - smallest + 1);
  for (long i = 0; i < share->ops; i++)
  {
    void **slot = &share->blocks[dm_workload_below(&random, share->slots)];
    struct request request = {smallest + dm_workload_below(&random, sizes),
                              NULL};
    free(*slot);
    if (stacks == 0)
      leaf(&request);
    else
      dm_stacks_numbered(dm_workload_below(&random, stacks), leaf, &request);
    *slot = request.block;
    *(char *) *slot = 1;
  }
  share->random = random;
}

static void
work(long number)
{
  struct share share = {.ops = ops / threads,
                        .slots = slots / threads > 0 ? slots / threads : 1,
                        .random = 88172645463325252ull + (uint64_t) number};
  share.blocks = dm_workload_table(share.slots * sizeof(void *));
  if (laps > 0)
    share.ops /= laps;
  for (long lap = 0; lap < (laps > 0 ? laps : 1); lap++)
  {
    struct dm_clock start = dm_workload_now();
    dm_stacks_deep(depth - OWN_FRAMES, churn, &share);
    if (laps > 0 && number == 0)
      dm_workload_report("lap", share.ops * threads, start);
  }
  for (long i = 0; i < share.slots; i++)
    free(share.blocks[i]);
}

int
main(int argc, char **argv)
{
  dm_workload_options(argc, argv, options);
  if (threads < 1 || slots < 1 || largest < smallest || stacks > 65536)
    return 2;
  struct dm_clock start = dm_workload_now();
  dm_workload_threads(threads, work);
  dm_workload_report("slots", ops, start);
  return 0;
}
