/* raw_children.c -- children that no fork handler hears of: raw clone, _Fork
   and vfork; and a vfork child that gives up root before it executes. */

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "small.h"

static void
expect(pid_t pid, int status)
{
  int seen;
  CHECK(pid > 0 && waitpid(pid, &seen, 0) == pid);
  CHECK(WIFEXITED(seen) && WEXITSTATUS(seen) == status);
}

APART static void
child(void)
{
  for (int i = 0; i < 100; i++)
    free(malloc((size_t) i * 100));
  CHECK(setgid(getgid()) == 0);
  exit(5);
}

int
main(void)
{
  for (int i = 0; i < 20; i++)
    {
      pid_t pid = (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
      if (pid == 0)
        child();
      expect(pid, 5);
      if ((pid = _Fork()) == 0)
        child();
      expect(pid, 5);
      if ((pid = vfork()) == 0)
        {
          if (setgid(getgid()) != 0 || setuid(getuid()) != 0)
            _exit(9);
          execl("/bin/sh", "sh", "-c", "exit 6", (char *) NULL);
          _exit(8);
        }
      expect(pid, 6);
    }
  say("waiting\n");
  for (;;)
    sleep(60);
}
