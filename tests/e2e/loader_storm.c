/* loader_storm.c -- dlopen and dlclose, allocation and exceptions against each
   other, each in two threads. Arguments: seconds, plugins that leak, throw;
   and then, to go on until there were so many million rounds, each of which
   allocates at least once. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "deep.h"

static _Atomic int stop;
static char **plugins;

/* Rounds of all threads. */
static _Atomic unsigned millions;

/* Counts a round of the calling thread, which has had ROUNDS. */
static void
count(unsigned *rounds)
{
  if (++*rounds % 1000000 == 0)
    millions++;
}

static void *
load(void *unused)
{
  for (unsigned rounds = 0; !stop; count(&rounds))
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
leaf(unsigned kind)
{
  free(realloc(malloc(kind % 500), kind % 700));
  return 0;
}

static void *
allocate(void *unused)
{
  for (unsigned rounds = 0; !stop; count(&rounds))
    deep(rounds % 40, rounds * 2654435761u, leaf);
  return unused;
}

static void *
throw(void *unused)
{
  void *handle = dlopen(plugins[1], RTLD_NOW);
  CHECK(handle);
  int (*catches)(void) = (int (*)(void)) dlsym(handle, "plugin_catches");
  for (unsigned rounds = 0; !stop; count(&rounds))
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
