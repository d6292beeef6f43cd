/* identity_storm.c -- threads that all ask to change who the process is, at
   once: to what it is already, and to a namespace that is none. */

#include <pthread.h>
#include <sched.h>
#include <sys/types.h>

#include "small.h"

static void *
work(void *unused)
{
  for (int i = 0; i < 100; i++)
    {
      CHECK(setegid(getegid()) == 0);
      errno = 0;
      CHECK(setns(-1, 0) == -1 && errno == EBADF);
      free(malloc(100));
    }
  return unused;
}

int
main(void)
{
  pthread_t threads[16];
  for (int i = 0; i < 16; i++)
    CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (int i = 0; i < 16; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
