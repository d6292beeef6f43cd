/* workload.h -- what every benchmark program needs: options, clocks, random
   numbers, and a report line that bench/run can read.

   The programs here are the load, not the thing measured, so they are kept
   plain: no output before the end, no allocation besides the ones that the
   program is about, and the same work for the same options every time.  */

#ifndef DM_BENCH_WORKLOAD_H
#define DM_BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

/* One option that a program takes: `--NAME NUMBER`, written to VALUE, which
   holds the default before.  */
struct dm_option
{
  const char *name;
  long *value;
  const char *help;
};

/* Read ARGV into OPTIONS, an array that ends with a NULL name.  A wrong
   option prints what there is on stderr and exits with status 2.  */
void dm_workload_options(int argc, char **argv,
                         const struct dm_option *options);

/* Two clocks: seconds of CPU time that all threads of this process have used,
   and seconds of time passed.  */
struct dm_clock
{
  double cpu;
  double wall;
};

/* The clocks now.  Thread-safe.  */
struct dm_clock dm_workload_now(void);

/* Print `NAME: OPERATIONS operations, W ns each, C ns of CPU each` for the
   time between START and now on stdout.  An operation is whatever the program
   counts, as a rule one malloc with the free that belongs to it.  */
void dm_workload_report(const char *name, long operations,
                        struct dm_clock start);

/* Memory of SIZE bytes for the program's own tables, zeroed.  It comes from
   the kernel, not from malloc, so that the tables are no part of the load.
   Exits with status 1 when there is none.  */
void *dm_workload_table(size_t size);

/* Run FUNCTION in COUNT threads, each with its own number from 0 as argument,
   and wait for all of them.  One thread means the calling one: the program
   then never becomes a threaded one, which matters to glibc's malloc.  */
void dm_workload_threads(long count, void (*function)(long number));

/* The next number of a xorshift generator (Marsaglia, "Xorshift RNGs", 2003,
   64 bits, shifts 13, 7, 17).  STATE must not be 0.  */
static inline uint64_t
dm_workload_random(uint64_t *state)
{
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  *state = x;
  return x;
}

/* A number from 0 to BELOW - 1, BELOW at most 2^32, from the upper half of
   the generator's word.  */
static inline uint32_t
dm_workload_below(uint64_t *state, uint64_t below)
{
  return (uint32_t) (((dm_workload_random(state) >> 32) * below) >> 32);
}

#endif
