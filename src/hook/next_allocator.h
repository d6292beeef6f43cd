/* next_allocator.h -- the allocator behind us: glibc's, or another preload's.

   It is found with dlsym(RTLD_NEXT) at the first call, which may come from the
   loader long before our constructor. dlsym may itself allocate; what is asked
   of us meanwhile comes from a small static arena and is never freed. */

#ifndef DM_HOOK_NEXT_ALLOCATOR_H
#define DM_HOOK_NEXT_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hidden.h"

struct dm_next_allocator
{
  void *(*malloc)(size_t size);
  void (*free)(void *block);
  void *(*calloc)(size_t count, size_t size);
  void *(*realloc)(void *block, size_t size);
  void *(*aligned_alloc)(size_t alignment, size_t size);
  void *(*memalign)(size_t alignment, size_t size);
  int (*posix_memalign)(void **block, size_t alignment, size_t size);
  void *(*valloc)(size_t size);
  void *(*pvalloc)(size_t size);
  size_t (*malloc_usable_size)(void *block);
  bool chunk_headers; /* glibc's own allocator: see below */
};

extern DM_HIDDEN struct dm_next_allocator dm_next;

/* Finds the functions above, once; cheap afterwards. Returns false while the
   search is under way, that is when the search itself allocates: use the
   bootstrap arena then. */
bool dm_next_ready(void);

/* Whether malloc_usable_size is of the library that malloc is of. A preload
   that has no malloc_usable_size leaves glibc's in sight, which would read a
   header before each block that is not there. */
bool dm_next_is_whole(void);

/* Finds out whether blocks carry glibc's chunk header, by comparing what the
   header says with what malloc_usable_size says, for blocks of every kind. */
void dm_next_probe(void);

/* The bootstrap arena. Its blocks carry a header like glibc's, so that free may
   look for a stamp (there is none) before it asks whose the block is. */
enum
{
  DM_BOOTSTRAP_SIZE = 16384
};
extern DM_HIDDEN char dm_bootstrap[DM_BOOTSTRAP_SIZE];
void *dm_bootstrap_alloc(size_t alignment, size_t size);

static inline bool
dm_is_bootstrap(const void *block)
{
  return (uintptr_t) block - (uintptr_t) dm_bootstrap < DM_BOOTSTRAP_SIZE;
}

/* The word before BLOCK, of glibc's allocator, holds the chunk's size and three
   flags. Whether it is one that was not mapped for itself; how many bytes it has
   in all then. That saves a call each time. */
static inline bool
dm_header_is_usual(const void *block)
{
  return __builtin_expect(!(((const size_t *) block)[-1] & 2), 1);
}

static inline size_t
dm_header_usual_size(const void *block)
{
  return (((const size_t *) block)[-1] & ~(size_t) 7) - 8;
}

/* How many it has in any case: a chunk that was mapped for itself borrows no
   space from its neighbour. */
static inline size_t
dm_header_usable_size(const void *block)
{
  return dm_header_usual_size(block) - (dm_header_is_usual(block) ? 0 : 8);
}

/* The same for a block of whatever allocator is behind. */
static inline size_t
dm_next_usable_size(void *block)
{
  return dm_next.chunk_headers ? dm_header_usable_size(block)
                               : dm_next.malloc_usable_size(block);
}

#endif
