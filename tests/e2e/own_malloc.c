/* own_malloc.c -- a program with a malloc of its own, as glibc's
   tst-interpose-* have: it stands before every preload. */

#include <pthread.h>
#include <stdatomic.h>

#include "small.h"

static char heap[8 << 20];
static _Atomic size_t used;
static _Atomic unsigned calls;

static void *
take(size_t alignment, size_t size)
{
  size_t start = atomic_fetch_add(&used, size + alignment + 32) + 16;
  uintptr_t block = ((uintptr_t) heap + start + alignment) & ~(uintptr_t) (alignment - 1);
  calls++;
  if (start + size + alignment + 16 > sizeof heap)
    return NULL;
  ((size_t *) block)[-1] = size;
  return (void *) block;
}

void *
malloc(size_t size)
{
  return take(16, size);
}

void
free(void *block)
{
  if (block && ((char *) block < heap || (char *) block >= heap + sizeof heap))
    abort();
}

void *
calloc(size_t count, size_t size)
{
  return take(16, count * size); /* used once: zero */
}

void *
realloc(void *block, size_t size)
{
  void *moved = take(16, size);
  size_t old = block ? ((size_t *) block)[-1] : 0;
  return moved && block ? memcpy(moved, block, old < size ? old : size) : moved;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
  return take(alignment < 16 ? 16 : alignment, size);
}

static void *
work(void *unused)
{
  for (int i = 0; i < 100; i++)
    free(realloc(malloc(100), 200));
  return unused;
}

int
main(void)
{
  unsigned before = calls;
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (int i = 0; i < 4; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  char *text;
  CHECK(asprintf(&text, "%d", 42) == 2);
  free(text);
  CHECK(calls - before >= 801);
  return 0;
}
