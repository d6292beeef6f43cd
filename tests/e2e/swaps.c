/* swaps.c -- loads two plugins in turn, each where the other was, and lets them
   leak. Says how often one lay where its predecessor had been. Arguments: the
   plugins, how many rounds. */

#include <dlfcn.h>

#include "small.h"

int
main(int argc, char **argv)
{
  CHECK(argc == 4);
  int rounds = atoi(argv[3]), same = 0;
  void *before = NULL;
  for (int i = 0; i < 2 * rounds; i++)
    {
      void *handle = dlopen(argv[1 + i % 2], RTLD_NOW);
      CHECK(handle);
      void *(*leak)(void) = (void *(*) (void)) dlsym(handle, "plugin_leak");
      CHECK(leak && leak());
      same += (void *) leak == before;
      before = (void *) leak;
      CHECK(dlclose(handle) == 0);
    }
  say("%d\n", same);
  return 0;
}
