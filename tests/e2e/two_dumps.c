/* two_dumps.c -- a dump is asked for while a thread of the program makes one,
   into a pipe that is full at first. */

#include "small.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "dmalloc.h"

static int ends[2];

static void *
dump(void *unused)
{
  CHECK(dmalloc_dump(ends[1]) == 0);
  close(ends[1]);
  return unused;
}

static void *
dump_own(void *unused)
{
  CHECK(dmalloc_dump(-1) == 0);
  return unused;
}

int
main(void)
{
  static char page[4096];
  CHECK(pipe(ends) == 0);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], page, sizeof page) > 0)
    continue;
  fcntl(ends[1], F_SETFL, 0);

  pthread_t thread, second;
  pthread_create(&thread, NULL, dump, NULL);
  usleep(200000);
  raise(SIGUSR1); /* the reporter has to wait */
  pthread_create(&second, NULL, dump_own, NULL); /* and so has this one */
  usleep(300000);
  while (read(ends[0], page, sizeof page) > 0)
    continue;
  pthread_join(thread, NULL);
  pthread_join(second, NULL);
  return 0;
}
