/* forked_in_dump.c -- a thread makes a dump into a pipe that is full, and the
   program forks: the child, of fork or of _Fork, makes a dump of its own. */

#define _GNU_SOURCE
#include "small.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "dmalloc.h"

static int ends[2];

static void *
dump(void *unused)
{
  CHECK(dmalloc_dump(ends[1]) == 0);
  close(ends[1]);
  return unused;
}

int
main(int argc, char **argv)
{
  static char page[4096];
  CHECK(argc == 2 && pipe(ends) == 0);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], page, sizeof page) > 0)
    continue;
  fcntl(ends[1], F_SETFL, 0);

  pthread_t thread;
  pthread_create(&thread, NULL, dump, NULL);
  usleep(200000);
  pid_t child = strcmp(argv[1], "_Fork") == 0 ? _Fork() : fork();
  if (child == 0)
    _exit(dmalloc_dump(-1) == 0 ? 7 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  say("%d\n", child);

  while (read(ends[0], page, sizeof page) > 0)
    continue;
  pthread_join(thread, NULL);
  return 0;
}
