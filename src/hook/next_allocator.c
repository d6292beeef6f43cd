/* next_allocator.c -- the allocator behind us. */

#include "hook/next_allocator.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdatomic.h>
#include <string.h>

#include "base/rare.h"

struct dm_next_allocator dm_next;

DM_RARE char dm_bootstrap[DM_BOOTSTRAP_SIZE] __attribute__((aligned(16)));
static _Atomic size_t bootstrap_used;

void *
dm_bootstrap_alloc(size_t alignment, size_t size)
{
  enum
  {
    HEADER = 16
  };
  if (size > DM_BOOTSTRAP_SIZE || alignment > 4096)
    return NULL;
  uintptr_t arena = (uintptr_t) dm_bootstrap;
  size_t used = atomic_load(&bootstrap_used);
  uintptr_t start;
  size_t end;
  do
  {
    start =
        (arena + used + HEADER + alignment - 1) & ~(uintptr_t) (alignment - 1);
    end = (start + (size < 32 ? 32 : size) + 15 - arena) & ~(size_t) 15;
    if (end > DM_BOOTSTRAP_SIZE)
      return NULL;
  } while (!atomic_compare_exchange_weak(&bootstrap_used, &used, end));
  ((size_t *) start)[-1] = 32;
  return (void *) start;
}

bool
dm_next_ready(void)
{
  static _Atomic bool searching;
  if (dm_next.malloc)
    return true;
  if (atomic_exchange(&searching, true))
    return false;

    /* A void pointer is not a function pointer in C, hence the copy. */
#define FIND(name)                                                             \
  do                                                                           \
  {                                                                            \
    void *found = dlsym(RTLD_NEXT, #name);                                     \
    memcpy(&dm_next.name, &found, sizeof found);                               \
  } while (0)
  FIND(free);
  FIND(calloc);
  FIND(realloc);
  FIND(aligned_alloc);
  FIND(memalign);
  FIND(posix_memalign);
  FIND(valloc);
  FIND(pvalloc);
  FIND(malloc_usable_size);
  FIND(malloc); /* last: it says that the others are there */
#undef FIND
  atomic_store(&searching, false);
  return dm_next.malloc != NULL;
}

/* The library that FUNCTION is in. The loader's lock-free look-up; dladdr would
   search the names too. */
static const void *
library_of(const void *function)
{
  struct dl_find_object found;
  return _dl_find_object((void *) function, &found) == 0 ? found.dlfo_link_map
                                                         : NULL;
}

bool
dm_next_is_whole(void)
{
  return library_of((void *) dm_next.malloc) ==
         library_of((void *) dm_next.malloc_usable_size);
}

static bool
header_is_right(void *block)
{
  size_t header = ((const size_t *) block)[-1];
  size_t said = (header & ~(size_t) 7) - (header & 2 ? 16 : 8);
  bool right = said == dm_next.malloc_usable_size(block);
  dm_next.free(block);
  return right;
}

void
dm_next_probe(void)
{
  /* Another allocator may keep no header at all, and the word before its
     block may not even be mapped; so first ask who it is, by a function of
     glibc's that nobody else defines. */
  if (library_of((void *) dm_next.malloc) !=
      library_of((void *) &gnu_get_libc_version))
    return;
  /* Few pages of the heap, and one block that is mapped by itself: this is done
     at each start of a program. */
  static const struct
  {
    size_t alignment, size;
  } blocks[] = {{0, 0},     {0, 1},    {0, 24},    {0, 25},
                {256, 100}, {0, 1032}, {0, 200000}};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
  {
    void *block = blocks[i].alignment
                      ? dm_next.memalign(blocks[i].alignment, blocks[i].size)
                      : dm_next.malloc(blocks[i].size);
    if (!block || !header_is_right(block))
      return;
  }
  dm_next.chunk_headers = true;
}
