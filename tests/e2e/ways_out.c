/* ways_out.c -- ends in the way that its argument names. */

#include <pthread.h>

#include "small.h"

static void *
end_all(void *unused)
{
  (void) unused;
  exit(3);
}

static void
at_exit(void)
{
  CHECK(malloc(11));
}

int
main(int argc, char **argv)
{
  const char *way = argc > 1 ? argv[1] : "";
  CHECK(malloc(10));
  atexit(at_exit);
  if (strcmp(way, "exit") == 0)
    exit(3);
  if (strcmp(way, "_exit") == 0)
    _exit(3);
  if (strcmp(way, "abort") == 0)
    abort();
  if (strcmp(way, "thread") == 0)
    {
      pthread_t thread;
      CHECK(pthread_create(&thread, NULL, end_all, NULL) == 0);
      for (;;)
        pause();
    }
  return 3;
}
