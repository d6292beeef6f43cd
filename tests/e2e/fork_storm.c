/* fork_storm.c -- threads that allocate and fork; each child allocates, opens
   a plugin and lets it throw. Arguments: threads, forks of each, the plugin. */

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>

#include "small.h"

static int forks;
static const char *plugin;

static void
child(void)
{
  alarm(300); /* a child that hangs is killed, and so seen */
  for (size_t i = 0; i < 100; i++)
    free(malloc(i * 7));
  void *handle = dlopen(plugin, RTLD_NOW);
  CHECK(handle);
  int (*catches)(void) = (int (*)(void)) dlsym(handle, "plugin_catches");
  CHECK(catches && catches() == 42);
  exit(3);
}

static void *
work(void *unused)
{
  for (int i = 0; i < forks; i++)
    {
      void *blocks[50];
      for (size_t k = 0; k < 50; k++)
        blocks[k] = malloc(10 + k * 13);
      pid_t pid = fork();
      if (pid == 0)
        child();
      int status;
      CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
      CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
      for (int k = 0; k < 50; k++)
        free(blocks[k]);
    }
  return unused;
}

int
main(int argc, char **argv)
{
  CHECK(argc == 4);
  int count = atoi(argv[1]);
  forks = atoi(argv[2]);
  plugin = argv[3];
  pthread_t threads[count];
  for (int i = 0; i < count; i++)
    CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (int i = 0; i < count; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
