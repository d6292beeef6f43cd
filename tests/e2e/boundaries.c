/* boundaries.c -- blocks that come from code which does not know us: a plugin
   opened with RTLD_DEEPBIND, and one in a link-map namespace of its own.
   Argument: the plugin's path. */

#include <dlfcn.h>

#include "small.h"

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  void *bound = dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND);
  CHECK(bound);
  void *(*leak)(void) = (void *(*) (void)) dlsym(bound, "plugin_leak");
  CHECK(leak);
  for (int i = 0; i < 4; i++)
    free(leak()); /* libc's own malloc made it */
  void *apart = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);
  CHECK(apart);
  leak = (void *(*) (void)) dlsym(apart, "plugin_leak");
  CHECK(leak && leak() && leak());
  CHECK(dlclose(apart) == 0);
  return 0;
}
