/* doorkeeper.c -- who was here before? */

#include "books/doorkeeper.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/sys.h"

/* 0: nobody yet. Marks are alone: relaxed, and ordered with nothing. */
static _Atomic uint16_t *marks;
static size_t mask;

int
dm_doorkeeper_init(size_t wanted)
{
  size_t size = 1024;
  while (size < wanted)
    size *= 2;
  marks = dm_sys_map(size * sizeof *marks);
  mask = size - 1;
  return marks ? 0 : -ENOMEM;
}

bool
dm_doorkeeper_knows(uint64_t hash)
{
  _Atomic uint16_t *place = &marks[hash & mask];
  uint16_t mark = (uint16_t) (hash >> 32 | 1);
  bool knows = atomic_load_explicit(place, memory_order_relaxed) == mark;
  atomic_store_explicit(place, mark, memory_order_relaxed);
  return knows;
}
