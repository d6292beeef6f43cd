/* interpose_sized.c -- the exported free functions of C23, where the C library
   has them.

   The size is what the program asked for, and the block is larger by a stamp;
   so the allocator behind is not told of it. */

#include <stddef.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);

EXPORT void
free_sized(void *block, size_t size)
{
  (void) size;
  free(block);
}

EXPORT void
free_aligned_sized(void *block, size_t alignment, size_t size)
{
  (void) alignment, (void) size;
  free(block);
}
