/* leaking.c -- a plugin whose block outlives it. */

#include <stdlib.h>

void *plugin_leak(void);

__attribute__((noipa)) void *
plugin_leak(void)
{
  return malloc(777);
}
