/* resident.c -- threads that live at the same time, each of which allocates
   from many stacks: says how much memory of its own the process has, in KiB. */

#include <pthread.h>

#include "deep.h"

enum { THREADS = 64 };

static pthread_barrier_t all;

APART static int
leaf(unsigned kind)
{
  (void) kind;
  free(malloc(100));
  return 0;
}

static void *
work(void *unused)
{
  for (int i = 0; i < 1000; i++)
    deep(i % 30, i, leaf);
  pthread_barrier_wait(&all);
  pthread_barrier_wait(&all);
  return unused;
}

int
main(void)
{
  pthread_t threads[THREADS];
  CHECK(pthread_barrier_init(&all, NULL, THREADS + 1) == 0);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  pthread_barrier_wait(&all);
  say("%d\n", status_number("\nRssAnon:"));
  pthread_barrier_wait(&all);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
