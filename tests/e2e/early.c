/* early.c -- allocates before any constructor has run, frees it later: the
   blocks are not in the books, nor are their frees a loss. */

#include "small.h"

static void *blocks[10];

static void
before_all(int argc, char **argv, char **environment)
{
  (void) argc;
  (void) argv;
  (void) environment;
  for (int i = 0; i < 10; i++)
    blocks[i] = memset(malloc(50), i, 50);
}

__attribute__((section(".preinit_array"), used)) static void (*entry)(int, char **, char **)
    = before_all;

int
main(void)
{
  blocks[0] = realloc(blocks[0], 5000);
  CHECK(blocks[0] && *(char *) blocks[0] == 0);
  for (int i = 0; i < 9; i++)
    {
      CHECK(((char *) blocks[i])[49] == i);
      free(blocks[i]);
    }
  return 0;
}
