/* foreign.c -- 5 blocks that dmalloc did not hand out are freed; 3 of its
   blocks are overflowed by one byte. */

#include "small.h"

extern void *__libc_malloc(size_t);

APART static void *
make(void)
{
  return malloc(40);
}

int
main(int argc, char **argv)
{
  (void) argv;
  for (int i = 0; i < 5; i++)
    free(__libc_malloc(64));
  if (argc > 1)
    for (int i = 0; i < 3; i++)
      {
        char *block = make();
        block[40 + i] ^= 0x55;
        free(block);
      }
  return 0;
}
