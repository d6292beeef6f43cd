/* dlopens.c -- opens a plugin, lets it leak, closes it; another one throws.
   Arguments: the two plugins' paths. */

#include <dlfcn.h>

#include "small.h"

int
main(int argc, char **argv)
{
  CHECK(argc == 3);
  void *leaking = dlopen(argv[1], RTLD_NOW);
  CHECK(leaking);
  void *(*leak)(void) = (void *(*) (void)) dlsym(leaking, "plugin_leak");
  CHECK(leak && leak());
  CHECK(dlclose(leaking) == 0);
  CHECK(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL);

  void *throwing = dlopen(argv[2], RTLD_NOW);
  CHECK(throwing);
  int (*catches)(void) = (int (*)(void)) dlsym(throwing, "plugin_catches");
  CHECK(catches && catches() == 42);
  return 0;
}
