/* latency.c -- how long one malloc may take.

   Times each malloc by itself and prints the median, two high percentiles and
   the worst.  Before it starts, --parked threads touch --touch different call
   stacks each and then sleep, so that a dump has many ledgers and callsites
   to read while the main thread is measured.  With --dumps it asks its own
   process for a dump, by SIGUSR1, that many times, evenly spread; without a
   profiler that takes the signal it must be 0.  */

#include "stacks.h"
#include "workload.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum
{
  BUCKETS = 64 * 16 /* sixteen to each doubling of nanoseconds */
};

static long milliseconds = 2000, parked = 0, touch = 2000, dumps = 0;
static long slots = 10000;

static const struct dm_option options[] = {
    {"milliseconds", &milliseconds, "time to measure for"},
    {"parked", &parked, "threads that sleep meanwhile"},
    {"touch", &touch, "call stacks that each of them has used"},
    {"dumps", &dumps, "dumps to ask for meanwhile, by SIGUSR1"},
    {"slots", &slots, "live blocks of the measuring thread"},
    {NULL, NULL, NULL}};

static pthread_barrier_t ready;
static long counts[BUCKETS];

static uint64_t
nanoseconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static void
keep_block(void *argument)
{
  *(void **) argument = malloc(40);
  __asm__ volatile("" ::: "memory");
}

static void *
park(void *argument)
{
  unsigned first = (unsigned) (uintptr_t) argument;
  void *block;
  for (long i = 0; i < touch; i++)
    dm_stacks_numbered((first + (unsigned) i) & 0xffff, keep_block, &block);
  pthread_barrier_wait(&ready);
  while (milliseconds > 0)
    pause();
  return NULL;
}

static unsigned
bucket(uint64_t time)
{
  unsigned bits = 63 - (unsigned) __builtin_clzll(time | 16);
  return (bits - 4) * 16 + (unsigned) (time >> (bits - 4)) % 16 +
         (time >= 16 ? 16 : 0);
}

/* The least time that falls into a bucket, in nanoseconds.  */
static uint64_t
bucket_start(unsigned b)
{
  return b < 16 ? b : (uint64_t) (16 + b % 16) << (b / 16 - 1);
}

static uint64_t
percentile(long total, double part)
{
  long seen = 0;
  for (unsigned b = 0; b < BUCKETS; b++)
  {
    seen += counts[b];
    if ((double) seen >= part * (double) total)
      return bucket_start(b);
  }
  return 0;
}

static void
measure(void)
{
  void **blocks = dm_workload_table((size_t) slots * sizeof *blocks);
  uint64_t random = 88172645463325252ull, worst = 0;
  uint64_t begin = nanoseconds(), now = begin;
  uint64_t length = (uint64_t) milliseconds * 1000000u;
  long total = 0, asked = 0;
  while (now - begin < length)
  {
    void **slot = &blocks[dm_workload_below(&random, (uint64_t) slots)];
    size_t size = 16 + dm_workload_below(&random, 497);
    free(*slot);
    uint64_t before = nanoseconds();
    *slot = malloc(size);
    now = nanoseconds();
    uint64_t time = now - before;
    counts[bucket(time)]++;
    total++;
    worst = time > worst ? time : worst;
    if (dumps > 0 &&
        now - begin >
            length / (uint64_t) (dumps + 1) * (uint64_t) (asked + 1) &&
        asked < dumps)
    {
      kill(getpid(), SIGUSR1);
      asked++;
    }
  }
  printf("latency: %ld mallocs, ns: median %lu, 99%% %lu, 99.999%% %lu, "
         "worst %lu\n",
         total, percentile(total, 0.5), percentile(total, 0.99),
         percentile(total, 0.99999), worst);
}

int
main(int argc, char **argv)
{
  dm_workload_options(argc, argv, options);
  pthread_barrier_init(&ready, NULL, (unsigned) parked + 1);
  for (long i = 0; i < parked; i++)
  {
    pthread_t thread;
    uintptr_t first = (uintptr_t) (i * 65536 / parked);
    if (pthread_create(&thread, NULL, park, (void *) first) != 0)
      return 1;
  }
  pthread_barrier_wait(&ready);
  measure();
  fflush(stdout);
  _exit(0);
}
