/* frees.c -- 1,000 blocks of 48 bytes, of which 990 are freed, some by realloc
   to nothing; free(NULL) is no free. */

#include "small.h"

APART void *
make(void)
{
  return malloc(48);
}

int
main(void)
{
  static void *blocks[1000];
  for (int i = 0; i < 1000; i++)
    CHECK((blocks[i] = make()));
  for (int i = 0; i < 980; i++)
    free(blocks[i]);
  for (int i = 980; i < 990; i++)
    CHECK(realloc(blocks[i], 0) == NULL); /* glibc frees */
  free(NULL);
  return 0;
}
