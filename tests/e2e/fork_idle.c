/* fork_idle.c -- a forked child that idles, like a server's worker. */

#include <sys/prctl.h>
#include <signal.h>

#include "small.h"

int
main(void)
{
  CHECK(malloc(10));
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0)
    {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      CHECK(malloc(20));
      say("%d\n", getpid());
    }
  for (;;)
    pause();
}
