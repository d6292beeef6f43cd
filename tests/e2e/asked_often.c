/* asked_often.c -- asks its own process for dumps as fast as 10,000 times a
   second while it works; its waits are not disturbed. Argument: seconds. */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "small.h"

static _Atomic int stop;

static void *
ask(void *unused)
{
  struct timespec pause = { 0, 100000 };
  while (!stop)
    {
      CHECK(kill(getpid(), SIGUSR1) == 0);
      nanosleep(&pause, NULL);
    }
  return unused;
}

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  time_t end = time(NULL) + atoi(argv[1]);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, ask, NULL) == 0);
  int pipes[2];
  CHECK(pipe(pipes) == 0);
  for (size_t i = 0; time(NULL) < end; i++)
    {
      char text[300];
      free(malloc(i % 900));
      CHECK(write(pipes[1], text, sizeof text) == sizeof text);
      CHECK(read(pipes[0], text, sizeof text) == sizeof text);
    }
  stop = 1;
  CHECK(pthread_join(thread, NULL) == 0);
  return 0;
}
