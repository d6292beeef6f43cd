/* burst.c -- 2,000 threads, at most 50 at a time, each allocating 10 blocks and
   freeing 9. */

#include <pthread.h>

#include "small.h"

APART static void *
make(void)
{
  return malloc(64);
}

static void *
work(void *unused)
{
  for (int i = 0; i < 10; i++)
    {
      void *block = make();
      CHECK(block);
      if (i)
        free(block);
    }
  return unused;
}

int
main(void)
{
  for (int round = 0; round < 40; round++)
    {
      pthread_t threads[50];
      for (int i = 0; i < 50; i++)
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
      for (int i = 0; i < 50; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
  return 0;
}
