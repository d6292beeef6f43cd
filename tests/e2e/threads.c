/* threads.c -- 8 threads make 10 million allocations; each frees what its
   neighbour made. One block in 10,000 is kept. */

#include <pthread.h>
#include <stdatomic.h>

#include "small.h"

enum { THREADS = 8, EACH = 1250000, PLACES = 1024, KEEP = 10000 };

/* Blocks on their way to the next thread. */
static _Atomic(void *) ring[THREADS][PLACES];

APART static void *
make(size_t size)
{
  return malloc(size);
}

static void *
work(void *arg)
{
  size_t self = (size_t) arg, next = (self + 1) % THREADS;
  for (int i = 0; i < EACH; i++)
    {
      char *block = make(1 + i % 200);
      CHECK(block);
      *block = 1;
      if (i % KEEP)
        free(atomic_exchange(&ring[next][i % PLACES], block));
    }
  return NULL;
}

int
main(void)
{
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, work, (void *) i) == 0);
  for (size_t i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < THREADS; i++)
    for (int k = 0; k < PLACES; k++)
      free(ring[i][k]);
  return 0;
}
