/* locked.c -- mlockall for now and later: tables that grow must not be paid
   for in full. With an argument also where locked memory comes in at once; says
   how much eight further threads lock, in KiB. */

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "small.h"

enum { THREADS = 8 };

static pthread_barrier_t all;

static void *
work(void *unused)
{
  CHECK(malloc(1000));
  pthread_barrier_wait(&all);
  pthread_barrier_wait(&all);
  return unused;
}

static void
lock_threads(void)
{
  pthread_t threads[THREADS];
  CHECK(pthread_barrier_init(&all, NULL, THREADS + 1) == 0);
  int before = status_number("\nVmLck:");
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  pthread_barrier_wait(&all);
  say("%d\n", status_number("\nVmLck:") - before);
  pthread_barrier_wait(&all);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
}

int
main(int argc, char **argv)
{
  (void) argv;
  struct rlimit limit = { 64 << 20, 64 << 20 };
  int at_once = argc > 1;
  if (!at_once)
    setrlimit(RLIMIT_MEMLOCK, &limit);
  if (mlockall(MCL_CURRENT | MCL_FUTURE | (at_once ? 0 : MCL_ONFAULT)) != 0)
    return 77;
  if (at_once)
    lock_threads();
  for (int i = 0; i < 1000; i++)
    CHECK(malloc(1000));
  return 0;
}
