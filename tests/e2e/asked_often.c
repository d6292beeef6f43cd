/* asked_often.c -- asks its own process for dumps 10,000 times a second while it
   works; its work is not disturbed. Argument: how many thousand times. */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "small.h"

enum
{
  A_SECOND = 10000
};

static _Atomic int stop;
static long times;

/* Nanoseconds since START. */
static long
since(const struct timespec *start)
{
  struct timespec now;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (now.tv_sec - start->tv_sec) * 1000000000 + now.tv_nsec - start->tv_nsec;
}

/* A sleep takes longer than it should: what is late is made up for. */
static void *
ask(void *unused)
{
  struct timespec start, pause = { 0, 50000 };
  CHECK(clock_gettime(CLOCK_MONOTONIC, &start) == 0);
  for (long sent = 0; sent < times;)
    {
      long due = since(&start) / (1000000000 / A_SECOND);
      for (; sent < due && sent < times; sent++)
        CHECK(kill(getpid(), SIGUSR1) == 0);
      nanosleep(&pause, NULL);
    }
  stop = 1;
  return unused;
}

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  times = atol(argv[1]) * 1000;
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, ask, NULL) == 0);
  int pipes[2];
  CHECK(pipe(pipes) == 0);
  for (size_t i = 0; !stop; i++)
    {
      char text[300];
      free(malloc(i % 900));
      CHECK(write(pipes[1], text, sizeof text) == sizeof text);
      CHECK(read(pipes[0], text, sizeof text) == sizeof text);
    }
  CHECK(pthread_join(thread, NULL) == 0);
  return 0;
}
