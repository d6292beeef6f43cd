/* bump.c -- an allocator that may be left by a jump at any instruction: one
   atomic addition in a ring. Its blocks live until the ring has come round, so
   only programs that keep little can run on it. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef TAKE
#define TAKE(size) take(16, size)
#endif

enum
{
  RING = 64 << 20,
  KEPT = 1 << 20 /* the first blocks, of the start, stay */
};

static char ring[KEPT + RING] __attribute__((aligned(4096)));
static _Atomic size_t used;

static void *
take(size_t alignment, size_t size)
{
  if (size > RING / 16)
    return NULL;
  size_t room = (size + alignment + 31) & ~(size_t) 15;
  size_t start = atomic_fetch_add(&used, room);
  if (start + room > KEPT)
    start = KEPT + (start - KEPT) % (RING - RING / 8);
  uintptr_t block = ((uintptr_t) ring + start + 16 + alignment - 1) & ~(alignment - 1);
  ((size_t *) block)[-1] = size;
  return (void *) block;
}

void *malloc(size_t size) { return take(16, size); }

void free(void *block) { (void) block; }

void *
calloc(size_t count, size_t size)
{
  void *block = TAKE(count * size);
  return block ? memset(block, 0, count * size) : NULL;
}

size_t
malloc_usable_size(void *block)
{
  return block ? ((size_t *) block)[-1] : 0;
}

void *
realloc(void *block, size_t size)
{
  void *moved = TAKE(size);
  size_t old = malloc_usable_size(block);
  return moved && block ? memcpy(moved, block, old < size ? old : size) : moved;
}

void *
memalign(size_t alignment, size_t size)
{
  return take(alignment < 16 ? 16 : alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int
posix_memalign(void **block, size_t alignment, size_t size)
{
  *block = memalign(alignment, size);
  return *block ? 0 : 12;
}

void *valloc(size_t size) { return memalign(4096, size); }

void *pvalloc(size_t size) { return memalign(4096, (size + 4095) & ~(size_t) 4095); }
