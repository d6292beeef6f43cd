/* vfork_asked.c -- children of vfork that are asked for a dump, and end at
   once: their parent is left as it was. */

#include <signal.h>
#include <sys/wait.h>

#include "small.h"

int
main(void)
{
  for (int i = 0; i < 20; i++)
    {
      int status;
      pid_t pid = vfork();
      if (pid == 0)
        {
          raise(SIGUSR1);
          _exit(3);
        }
      CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
      CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    }
  say("waiting\n");
  for (;;)
    pause();
}
