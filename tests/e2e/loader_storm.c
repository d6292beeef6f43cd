/* loader_storm.c -- dlopen and dlclose, allocation and exceptions against each
   other, each in two threads. Arguments: seconds, plugins that leak, throw;
   and then, to go on until there were so many million allocations. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "small.h"

static _Atomic int stop;
static char **plugins;

/* Millions of allocations, of all threads. */
static _Atomic unsigned millions;

static void *
load(void *unused)
{
  while (!stop)
    {
      void *handle = dlopen(plugins[0], RTLD_NOW);
      CHECK(handle);
      void *(*leak)(void) = (void *(*) (void)) dlsym(handle, "plugin_leak");
      CHECK(leak);
      free(leak());
      CHECK(dlclose(handle) == 0);
    }
  return unused;
}

APART static int
deep(unsigned depth, unsigned kind)
{
  if (depth > 0)
    return kind & 1 ? deep(depth - 1, kind / 2) + 1 : deep(depth - 1, kind / 2) + 2;
  free(realloc(malloc(kind % 500), kind % 700));
  return 0;
}

static void *
allocate(void *unused)
{
  for (unsigned i = 0; !stop; i++)
    {
      deep(i % 40, i * 2654435761u);
      if (i % 1000000 == 999999)
        millions++;
    }
  return unused;
}

static void *
throw(void *unused)
{
  void *handle = dlopen(plugins[1], RTLD_NOW);
  CHECK(handle);
  int (*catches)(void) = (int (*)(void)) dlsym(handle, "plugin_catches");
  while (!stop)
    CHECK(catches() == 42);
  return unused;
}

int
main(int argc, char **argv)
{
  CHECK(argc == 4 || argc == 5);
  plugins = argv + 2;
  void *(*const kinds[])(void *) = { load, allocate, throw };
  pthread_t threads[6];
  for (int i = 0; i < 6; i++)
    CHECK(pthread_create(&threads[i], NULL, kinds[i % 3], NULL) == 0);
  sleep((unsigned) atoi(argv[1]));
  while (argc == 5 && millions < (unsigned) atoi(argv[4]))
    sleep(1);
  stop = 1;
  for (int i = 0; i < 6; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}
