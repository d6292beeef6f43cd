/* moving_stacks.c -- bursts of 16 threads whose stacks libc does not keep (it
   keeps 40 MiB), and mappings between them: so stacks move, and thread pointers
   with them. Each thread allocates and frees one block. Argument: how many
   bursts. */

#include <pthread.h>
#include <sys/mman.h>

#include "small.h"

enum
{
  THREADS = 16,
  STACK = 8 << 20
};
static pthread_barrier_t barrier;

APART static void *
make(void)
{
  return malloc(50);
}

static void *
work(void *unused)
{
  void *block = make();
  CHECK(block);
  free(block);
  pthread_barrier_wait(&barrier);
  return unused;
}

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  pthread_attr_t large_stack;
  CHECK(pthread_attr_init(&large_stack) == 0);
  CHECK(pthread_attr_setstacksize(&large_stack, STACK) == 0);
  CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
  for (int burst = atoi(argv[1]); burst > 0; burst--)
  {
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
      CHECK(pthread_create(&thread[i], &large_stack, work, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
      CHECK(pthread_join(thread[i], NULL) == 0);
    for (int i = 0; i < 4; i++)
      CHECK(mmap(NULL, 200000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
            MAP_FAILED);
  }
  return 0;
}
