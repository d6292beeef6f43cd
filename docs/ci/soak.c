/* soak.c -- a program for the ctest example: a table that it keeps on purpose,
   work that it takes back, and, with an argument, a leak. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *table;

__attribute__((noinline)) static void
load_table(void)
{
  table = memset(malloc(1 << 20), 1, 1 << 20);
}

__attribute__((noinline)) static void
work(int forget)
{
  for (int i = 0; i < 300; i++)
  {
    char *block = memset(malloc(1000), i, 1000);
    if (!forget)
      free(block);
  }
}

int
main(int argc, char **argv)
{
  (void) argv;
  load_table();
  for (int i = 0; i < 30; i++)
  {
    work(argc > 1);
    usleep(100000);
  }
  return 0;
}
