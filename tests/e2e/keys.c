/* keys.c -- 100 thread-specific keys and a thread-local object, and allocations
   in their destructors when the thread is nearly gone: 101 blocks stay. */

#include <pthread.h>

#include "small.h"

enum { KEYS = 100 };

/* What a C++ compiler calls for a thread_local object. */
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *module);
extern void *__dso_handle;

static pthread_key_t keys[KEYS];

APART static void
at_the_end(void *value)
{
  free(value);
  CHECK(malloc(40));
}

static void *
work(void *unused)
{
  for (int i = 0; i < KEYS; i++)
    CHECK(pthread_setspecific(keys[i], malloc(20)) == 0);
  CHECK(__cxa_thread_atexit_impl(at_the_end, malloc(20), &__dso_handle) == 0);
  return unused;
}

int
main(void)
{
  for (int i = 0; i < KEYS; i++)
    CHECK(pthread_key_create(&keys[i], at_the_end) == 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  return 0;
}
