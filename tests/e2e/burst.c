/* burst.c -- 2,000 threads, at most 50 at a time, each allocating 10 blocks and
   freeing 9. Their stacks are small enough for libc to keep 50 of them (it keeps
   40 MiB), so a thread has the place of one that ended, whatever the scheduler
   does. */

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
  pthread_attr_t small_stack;
  CHECK(pthread_attr_init(&small_stack) == 0);
  CHECK(pthread_attr_setstacksize(&small_stack, 256 << 10) == 0);
  for (int round = 0; round < 40; round++)
    {
      pthread_t threads[50];
      for (int i = 0; i < 50; i++)
        CHECK(pthread_create(&threads[i], &small_stack, work, NULL) == 0);
      for (int i = 0; i < 50; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
  return 0;
}
