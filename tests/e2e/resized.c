/* resized.c -- frees all that it has allocated, by itself, cleared and resized.
 */

#include "small.h"

int
main(void)
{
  for (int i = 0; i < 1000; i++)
  {
    void *block = malloc(10);
    CHECK(block);
    block = realloc(block, 100);
    CHECK(block);
    free(block);
    block = calloc(3, 5);
    CHECK(block);
    free(block);
    block = aligned_alloc(64, 64);
    CHECK(block);
    free(block);
  }
  return 0;
}
