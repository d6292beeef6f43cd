/* raw_ages.c -- a child of _Fork and one of raw clone, each of which allocates
   77 bytes, and 12 seconds later 88. */

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "small.h"

static void
child(void)
{
  CHECK(malloc(77));
  sleep(12);
  CHECK(malloc(88));
  exit(0);
}

int
main(void)
{
  pid_t pids[2];
  sleep(1); /* by now somebody tells the time */
  if ((pids[0] = _Fork()) == 0)
    child();
  if ((pids[1] = (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == 0)
    child();
  for (int i = 0; i < 2; i++)
    {
      int status;
      CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
  return 0;
}
