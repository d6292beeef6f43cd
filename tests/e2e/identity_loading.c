/* identity_loading.c -- loads a plugin whose constructor changes who the
   process is: plugins/changing.c. Argument: the plugin. */

#include <dlfcn.h>

#include "small.h"

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  alarm(60); /* who hangs is killed, and so seen */
  void *handle = dlopen(argv[1], RTLD_NOW);
  CHECK(handle);
  int *changed = dlsym(handle, "plugin_changed");
  CHECK(changed && *changed);
  return 0;
}
