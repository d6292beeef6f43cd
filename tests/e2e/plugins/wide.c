/* wide.c -- a plugin whose frame has another size than its sibling's, narrow.c,
   while all its code lies at the same places. */

#include <stdlib.h>
#include <string.h>

#ifndef ROOM
#define ROOM 8192
#define LEAK leak_wide
#endif

void *LEAK(void);
void *plugin_leak(void);

__attribute__((noipa)) void *
LEAK(void)
{
  char room[ROOM];
  memset(room, 1, sizeof room);
  void *block = malloc(ROOM);
  return memcpy(block, room, sizeof room);
}

__attribute__((noipa)) void *
plugin_leak(void)
{
  return LEAK();
}
