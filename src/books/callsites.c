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
  uint32_t count;
  bool cut;
  dm_frame frames[];
};

static unsigned cap;
static size_t index_mask;

/* By number: the stack. Entry 0 stays NULL. Written before the index. */
static _Atomic(struct callsite *) *callsites;

/* By hash, open addressing, at most half full, so that a search ends. The tag
   repeats the stack's hash, so that a search seldom looks at a stack that is
   not the one; it is written after the number and is 0 until then. */
struct place
{
  _Atomic uint32_t number; /* 0: empty */
  _Atomic uint32_t tag;
};
static struct place *places;

static _Atomic uint32_t used;
static _Atomic uint32_t used_cut;

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

/* Four chains that do not wait for each other; the finish is MurmurHash3's
   (Austin Appleby, public domain algorithm). */
static uint64_t
hash_frames(const dm_frame *frames, unsigned count, bool cut)
{
  uint64_t lane[4] = {count, cut, 2, 3};
  for (unsigned i = 0; i < count; i++)
  {
    uint64_t mixed = (lane[i % 4] ^ frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
    lane[i % 4] = mixed ^ mixed >> 29;
  }
  uint64_t hash = lane[0];
  for (unsigned i = 1; i < 4; i++)
    hash = (hash ^ hash >> 33 ^ lane[i]) * UINT64_C(0xff51afd7ed558ccd);
  return hash ^ hash >> 32;
}

static uint32_t
tag_of(uint64_t hash)
{
  return (uint32_t) (hash >> 32) | 1;
}

static bool
same_stack(uint32_t number, uint64_t hash, const dm_frame *frames,
           unsigned count, bool cut)
{
  /* Acquire: pairs with the release that published the number. */
  const struct callsite *site =
      atomic_load_explicit(&callsites[number], memory_order_acquire);
  return site->hash == hash && site->count == count && site->cut == cut &&
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
make_callsite(uint64_t hash, const dm_frame *frames, unsigned count, bool cut)
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
  site->cut = cut;
  memcpy(site->frames, frames, count * sizeof *frames);
  atomic_store_explicit(&callsites[number], site, memory_order_release);
  return number;
}

/* The number in PLACE, made MINE when it is empty: then *WON is set. */
static uint32_t
claim(struct place *place, uint32_t mine, uint64_t hash, bool *won)
{
  uint32_t number = 0;
  *won = atomic_compare_exchange_strong(&place->number, &number, mine);
  if (!*won)
    return number;
  atomic_store_explicit(&place->tag, tag_of(hash), memory_order_relaxed);
  return mine;
}

uint32_t
dm_callsites_find(const dm_frame *frames, unsigned count, bool cut)
{
  uint64_t hash = hash_frames(frames, count, cut);
  uint32_t mine = 0;
  for (size_t i = hash;; i++)
  {
    struct place *place = &places[i & index_mask];
    uint32_t number =
        atomic_load_explicit(&place->number, memory_order_acquire);
    if (number == 0)
    {
      bool won;
      if (!mine && !(mine = make_callsite(hash, frames, count, cut)))
        return DM_CALLSITE_OTHER;
      number = claim(place, mine, hash, &won);
      if (won)
      {
        atomic_fetch_add(&used_cut, cut);
        return mine;
      }
    }
    uint32_t tag = atomic_load_explicit(&place->tag, memory_order_relaxed);
    if ((tag == 0 || tag == tag_of(hash)) &&
        same_stack(number, hash, frames, count, cut))
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
dm_callsites_cut(void)
{
  return atomic_load(&used_cut);
}

uint32_t
dm_callsites_cap(void)
{
  return cap;
}
