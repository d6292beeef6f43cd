/* busy.c -- a million allocations, then says so on stdout. Nobody reads its
   stderr. */

#include "small.h"

int
main(void)
{
  static void *blocks[1000];
  for (int i = 0; i < 1000000; i++)
    {
      free(blocks[i % 1000]);
      CHECK((blocks[i % 1000] = malloc(1 + i % 500)));
      if (i % 100000 == 0)
        usleep(100 * 1000);
    }
  say("done\n");
  return 0;
}
