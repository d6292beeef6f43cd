/* last_threads.c -- ends without exit: thread by thread. Argument: how.

   main: the only thread calls the system call that ends a thread;
   on: the first thread does, and another goes on for ever;
   worker: the first thread does, and a second goes on, allocates, and does, with
   the same status (kernels differ in whose is the process's);
   child: the first, in a child of fork; strict: in a child in a sandbox that
   allows nothing else. */

#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "small.h"

static void
end_thread(int status)
{
  syscall(SYS_exit, status);
}

static void *
go_on(void *unused)
{
  CHECK(malloc(123));
  say("on\n");
  for (;;)
    pause();
  return unused;
}

static void *
work(void *unused)
{
  for (int i = 0; i < 25; i++)
    {
      free(malloc(100));
      usleep(100000);
    }
  say("worked\n");
  end_thread(7);
  return unused;
}

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  free(malloc(10));
  char how = argv[1][0];
  pthread_t thread;
  if (how == 'w')
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
  if (how == 'o')
    CHECK(pthread_create(&thread, NULL, go_on, NULL) == 0);
  if (how == 'm' || how == 'w' || how == 'o')
    end_thread(7);
  int status;
  pid_t child = fork();
  if (child == 0)
    {
      if (how == 's')
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0);
      end_thread(6);
    }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
  return 0;
}
