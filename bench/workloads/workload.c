/* workload.c -- options, clocks, threads and the report line of the benchmark
   programs.  */

#include "workload.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static _Noreturn void
usage(const char *program, const struct dm_option *options)
{
  fprintf(stderr, "usage: %s [options]\n", program);
  for (const struct dm_option *o = options; o->name != NULL; o++)
    fprintf(stderr, "  --%s NUMBER  %s (%ld)\n", o->name, o->help, *o->value);
  exit(2);
}

void
dm_workload_options(int argc, char **argv, const struct dm_option *options)
{
  for (int i = 1; i < argc; i += 2)
  {
    const struct dm_option *o = options;
    while (o->name != NULL && (strncmp(argv[i], "--", 2) != 0 ||
                               strcmp(argv[i] + 2, o->name) != 0))
      o++;
    if (o->name == NULL || i + 1 == argc)
      usage(argv[0], options);
    char *end;
    long value = strtol(argv[i + 1], &end, 10);
    if (end == argv[i + 1] || *end != '\0' || value < 0)
      usage(argv[0], options);
    *o->value = value;
  }
}

static double
seconds(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

struct dm_clock
dm_workload_now(void)
{
  return (struct dm_clock){seconds(CLOCK_PROCESS_CPUTIME_ID),
                           seconds(CLOCK_MONOTONIC)};
}

void
dm_workload_report(const char *name, long operations, struct dm_clock start)
{
  struct dm_clock now = dm_workload_now();
  double each = 1e9 / (double) (operations > 0 ? operations : 1);
  printf("%s: %ld operations, %.2f ns each, %.2f ns of CPU each\n", name,
         operations, (now.wall - start.wall) * each,
         (now.cpu - start.cpu) * each);
  fflush(stdout);
}

void *
dm_workload_table(size_t size)
{
  void *table = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (table == MAP_FAILED)
  {
    fprintf(stderr, "no memory for a table of %zu bytes\n", size);
    exit(1);
  }
  return table;
}

struct start
{
  void (*function)(long);
  long number;
  pthread_t thread;
};

static void *
run(void *argument)
{
  struct start *start = argument;
  start->function(start->number);
  return NULL;
}

void
dm_workload_threads(long count, void (*function)(long number))
{
  if (count <= 1)
  {
    function(0);
    return;
  }
  struct start *starts = dm_workload_table((size_t) count * sizeof *starts);
  for (long i = 0; i < count; i++)
  {
    starts[i] = (struct start){.function = function, .number = i};
    if (pthread_create(&starts[i].thread, NULL, run, &starts[i]) != 0)
    {
      fprintf(stderr, "thread %ld cannot be started\n", i);
      exit(1);
    }
  }
  for (long i = 0; i < count; i++)
    pthread_join(starts[i].thread, NULL);
}
