/* doorkeeper.c -- how often was somebody here lately? */

#include "books/doorkeeper.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/sys.h"

/* A part of the hash above, the count in the lowest 8 bits. Places are alone:
   relaxed, and ordered with nothing. */
static _Atomic uint32_t *places;
static size_t mask;

int
dm_doorkeeper_init(size_t wanted)
{
  size_t size = 1024;
  while (size < wanted)
    size *= 2;
  places = dm_sys_map(size * sizeof *places);
  mask = size - 1;
  return places ? 0 : -ENOMEM;
}

unsigned
dm_doorkeeper_count(uint64_t hash)
{
  _Atomic uint32_t *place = &places[hash & mask];
  uint32_t mark = atomic_load_explicit(place, memory_order_relaxed);
  uint32_t count = mark & DM_DOORKEEPER_MOST;
  uint32_t name = (uint32_t) (hash >> 32) << 8;
  bool ours = (mark ^ name) >> 8 == 0;
  if (ours && count < DM_DOORKEEPER_MOST)
    mark++;
  else if (!ours && count > 1)
    mark--;
  else if (!ours)
    mark = name | 1;
  atomic_store_explicit(place, mark, memory_order_relaxed);
  return (mark ^ name) >> 8 == 0 ? mark & DM_DOORKEEPER_MOST : 1;
}
