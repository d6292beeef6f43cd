/* arena.c -- memory for tables that only grow. */

#include "base/arena.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/sys.h"

enum
{
  BLOCK_SIZE = 1 << 20
};

/* The header of a block; what is handed out follows it. */
struct block
{
  _Atomic size_t used;
};

static _Atomic(struct block *) current;

/* A new block in place of FULL, made by us or by a thread that was quicker. */
static struct block *
next_block(struct block *full)
{
  struct block *fresh = dm_sys_map(BLOCK_SIZE);
  if (!fresh)
    return NULL;
  atomic_store_explicit(&fresh->used, sizeof *fresh, memory_order_relaxed);
  /* Release: pairs with the acquire of whoever reads CURRENT. */
  if (atomic_compare_exchange_strong(&current, &full, fresh))
    return fresh;
  dm_sys_unmap(fresh, BLOCK_SIZE);
  return full;
}

void *
dm_arena_alloc(size_t size, size_t alignment)
{
  if (size + alignment > BLOCK_SIZE / 4)
    return dm_sys_map(size);

  struct block *block = atomic_load_explicit(&current, memory_order_acquire);
  while (block || (block = next_block(NULL)))
  {
    size_t start = atomic_fetch_add_explicit(&block->used, size + alignment - 1,
                                             memory_order_relaxed);
    if (start + size + alignment <= BLOCK_SIZE)
      return (void *) (((uintptr_t) block + start + alignment - 1) &
                       ~(uintptr_t) (alignment - 1));
    block = next_block(block);
    if (!block)
      return NULL;
  }
  return NULL;
}
