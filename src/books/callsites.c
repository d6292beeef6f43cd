/* callsites.c -- the capped table of call stacks. */

#include "books/callsites.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/sys.h"

struct callsite
{
  uint64_t hash;
  uint64_t count;
  dm_frame frames[];
};

static unsigned cap;
static size_t index_mask;

/* By number: the stack. Entry 0 stays NULL. Written before the index. */
static _Atomic(struct callsite *) *callsites;

/* By hash, open addressing: the number of a callsite, or 0 for an empty place.
   At most half full, so that a search ends. */
static _Atomic uint32_t *places;

static _Atomic uint32_t used;

int
dm_callsites_init(unsigned wanted)
{
  size_t size = 1024;
  while (size < 2 * (size_t) wanted + 2)
    size *= 2;
  callsites = dm_sys_map((wanted + 1) * sizeof *callsites);
  places = dm_sys_map(size * sizeof *places);
  if (!callsites || !places)
    return -ENOMEM;
  index_mask = size - 1;
  cap = wanted;
  return 0;
}

/* Two multiplications a frame keep this off the profile; the finish is
   MurmurHash3's (Austin Appleby, public domain algorithm). */
static uint64_t
hash_frames(const dm_frame *frames, unsigned count)
{
  uint64_t hash = count;
  for (unsigned i = 0; i < count; i++)
  {
    hash = (hash ^ frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
  }
  hash *= UINT64_C(0xff51afd7ed558ccd);
  return hash ^ hash >> 32;
}

static bool
same_stack(uint32_t number, uint64_t hash, const dm_frame *frames,
           unsigned count)
{
  /* Acquire: pairs with the release that published the number. */
  const struct callsite *site =
      atomic_load_explicit(&callsites[number], memory_order_acquire);
  return site->hash == hash && site->count == count &&
         memcmp(site->frames, frames, count * sizeof *frames) == 0;
}

/* A number for a new callsite, or 0 when all are given out. */
static uint32_t
take_number(void)
{
  uint32_t number = atomic_load_explicit(&used, memory_order_relaxed);
  do
    if (number >= cap)
      return 0;
  while (!atomic_compare_exchange_weak(&used, &number, number + 1));
  return number + 1;
}

/* Gives a number back that lost the race for its place, if it is still the
   last one. Otherwise it stays unused: a hole that no block refers to. */
static void
return_number(uint32_t number)
{
  uint32_t expected = number;
  atomic_store(&callsites[number], NULL);
  atomic_compare_exchange_strong(&used, &expected, number - 1);
}

static uint32_t
make_callsite(uint64_t hash, const dm_frame *frames, unsigned count)
{
  uint32_t number = take_number();
  if (number == 0)
    return 0;
  struct callsite *site =
      dm_arena_alloc(sizeof *site + count * sizeof *frames, sizeof(uint64_t));
  if (!site)
  {
    return_number(number);
    return 0;
  }
  site->hash = hash;
  site->count = count;
  memcpy(site->frames, frames, count * sizeof *frames);
  atomic_store_explicit(&callsites[number], site, memory_order_release);
  return number;
}

uint32_t
dm_callsites_find(const dm_frame *frames, unsigned count)
{
  uint64_t hash = hash_frames(frames, count);
  uint32_t mine = 0;
  for (size_t i = hash;; i++)
  {
    _Atomic uint32_t *place = &places[i & index_mask];
    uint32_t number = atomic_load_explicit(place, memory_order_acquire);
    if (number == 0)
    {
      if (!mine && !(mine = make_callsite(hash, frames, count)))
        return DM_CALLSITE_OTHER;
      if (atomic_compare_exchange_strong(place, &number, mine))
        return mine;
    }
    if (same_stack(number, hash, frames, count))
    {
      if (mine)
        return_number(mine);
      return number;
    }
  }
}

const dm_frame *
dm_callsite_frames(uint32_t number, unsigned *count)
{
  const struct callsite *site =
      number == 0
          ? NULL
          : atomic_load_explicit(&callsites[number], memory_order_acquire);
  *count = site ? (unsigned) site->count : 0;
  return site ? site->frames : NULL;
}

uint32_t
dm_callsites_used(void)
{
  return atomic_load(&used);
}

uint32_t
dm_callsites_cap(void)
{
  return cap;
}
