/* changing.c -- a plugin that changes who the process is, to what it is
   already, while the loader holds its lock: in a thread that the constructor
   waits for, and in a child that no fork handler hears of. */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

int plugin_changed;

static void *
change(void *unused)
{
  (void) unused;
  return (void *) (long) setgid(getgid());
}

__attribute__((constructor)) static void
start(void)
{
  pthread_t thread;
  void *result;
  int status;
  if (pthread_create(&thread, NULL, change, NULL) != 0 ||
      pthread_join(thread, &result) != 0 || result != NULL)
    return;
  pid_t pid = _Fork();
  if (pid == 0)
    {
      alarm(60); /* the parent's does not come along */
      _exit(setuid(getuid()) == 0 ? 3 : 4);
    }
  plugin_changed = waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
                   WEXITSTATUS(status) == 3;
}
