/* forked_in_dump.c -- the program forks while a thread of it makes a dump: the
   child, of fork or of _Fork, makes a dump of its own. */

#define _GNU_SOURCE
#include "full_pipe.h"

#include <sys/wait.h>

int
main(int argc, char **argv)
{
  struct full_pipe full;
  CHECK(argc == 2);
  full_pipe_start(&full);
  pid_t child = strcmp(argv[1], "_Fork") == 0 ? _Fork() : fork();
  if (child == 0)
    _exit(dmalloc_dump(-1) == 0 ? 7 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  say("%d\n", child);
  full_pipe_end(&full);
  return 0;
}
