/* thread_churn.c -- threads one after another, some of them detached, each
   with 3 blocks and one that its successor frees. Argument: how many. */

#include <pthread.h>

#include "small.h"

static void *
work(void *inherited)
{
  free(inherited);
  void *blocks[] = { malloc(10), calloc(3, 30), realloc(malloc(5), 500) };
  for (int i = 0; i < 3; i++)
    free(blocks[i]);
  return malloc(77);
}

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  int count = atoi(argv[1]);
  void *left = NULL;
  for (int i = 0; i < count; i++)
    {
      pthread_t thread;
      CHECK(pthread_create(&thread, NULL, work, left) == 0);
      CHECK(pthread_join(thread, &left) == 0 && left);
    }
  free(left);
  return 0;
}
