/* callsites.c -- the capped table of call stacks. */

#include "books/callsites.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/sys.h"

struct callsite
{
  uint64_t count;
  dm_frame frames[];
};

static unsigned cap;
static size_t index_mask;

/* By number: the stack. Entry 0 stays NULL. Written before the index. */
static _Atomic(struct callsite *) *callsites;

/* By hash, open addressing, at most half full, so that a search ends. A place
   holds the upper 44 bits of a stack's hash and the callsite's number in one
   word, 0 when it is empty. The lower bits chose the place. Two stacks that
   agree in all of them are taken for one: with 65,536 stacks that is so in one
   of some 10^8 processes, and a search need not read the stack. */
enum
{
  NUMBER_BITS = 20
};
static _Atomic uint64_t *places;

static _Atomic uint32_t used;
static _Atomic uint32_t used_cut;

int
dm_callsites_init(unsigned wanted)
{
  size_t size = 1024;
  while (size < 2 * (size_t) wanted)
    size *= 2;
  callsites = dm_sys_map((wanted + 1) * sizeof *callsites);
  places = dm_sys_map(size * sizeof *places);
  if (!callsites || !places)
    return -ENOMEM;
  index_mask = size - 1;
  cap = wanted;
  return 0;
}

/* One step of a chain: the two halves of a full product, folded, as in wyhash
   (Wang Yi, public domain algorithm). Every bit of the operand reaches every
   bit of the result. */
static inline uint64_t
stir(uint64_t chain, uint64_t value)
{
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide) (chain ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint64_t) product ^ (uint64_t) (product >> 64);
}

/* Four chains that do not wait for each other, then one. */
static uint64_t
hash_frames(const dm_frame *frames, unsigned count, bool cut)
{
  uint64_t a = count, b = UINT64_C(0xa0761d6478bd642f) + cut;
  uint64_t c = UINT64_C(0xe7037ed1a0b428db), d = UINT64_C(0x8ebc6af09c88c6e3);
  unsigned i = 0;
  for (; i + 4 <= count; i += 4)
  {
    a = stir(a, frames[i]);
    b = stir(b, frames[i + 1]);
    c = stir(c, frames[i + 2]);
    d = stir(d, frames[i + 3]);
  }
  for (; i < count; i++)
    a = stir(a, frames[i]);
  return stir(stir(stir(stir(a, count), b), c), d);
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
make_callsite(const dm_frame *frames, unsigned count)
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
  site->count = count;
  memcpy(site->frames, frames, count * sizeof *frames);
  atomic_store_explicit(&callsites[number], site, memory_order_release);
  return number;
}

uint32_t
dm_callsites_find(const dm_frame *frames, unsigned count, bool cut)
{
  uint64_t hash = hash_frames(frames, count, cut);
  uint32_t mine = 0;
  for (size_t i = hash;; i++)
  {
    _Atomic uint64_t *place = &places[i & index_mask];
    /* Acquire: pairs with the exchange below, so that what is found can be
       read. */
    uint64_t seen = atomic_load_explicit(place, memory_order_acquire);
    if (seen == 0)
    {
      if (!mine && !(mine = make_callsite(frames, count)))
        return DM_CALLSITE_OTHER;
      uint64_t wanted = hash >> NUMBER_BITS << NUMBER_BITS | mine;
      if (atomic_compare_exchange_strong(place, &seen, wanted))
      {
        atomic_fetch_add(&used_cut, cut);
        return mine;
      }
    }
    if (seen >> NUMBER_BITS == hash >> NUMBER_BITS)
    {
      if (mine)
        return_number(mine);
      return seen & ((1 << NUMBER_BITS) - 1);
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
