/* stack_memo.h -- the call stacks that a thread had lately, by where they are.

   A program allocates from the same stacks again and again. The memo goes from
   (return address, stack pointer) to the callsite that a walk found there, and
   proves a hit by reading the very stack slots that the walk had read: if they
   hold the same values, the walk would go the same way. One load a frame, and
   the callsite is known without a look-up.

   An entry keeps the slots' places and one hash of their values, 128 bytes in
   all. What is in the slots decides the walk: every return address, and every
   saved rbp that a frame was found by. (A rbp still in its register when the
   allocator was called is hashed as well.) */

#ifndef DM_HOOK_STACK_MEMO_H
#define DM_HOOK_STACK_MEMO_H

#include <stdbool.h>
#include <stdint.h>

enum
{
  DM_MEMO_SLOTS = 48,
  DM_MEMO_ENTRIES = 512
};

struct dm_memo_entry
{
  uint64_t key;  /* of return address and slot; 0: empty */
  uint64_t hash; /* of the slots' values */
  uint32_t callsite;
  uint16_t count;               /* slots, a multiple of 4 (the last repeats) */
  uint16_t last;                /* the highest of them */
  bool uses_rbp;                /* the register is part of the hash */
  bool cut;                     /* the stack went on beyond what is recorded */
  uint16_t slot[DM_MEMO_SLOTS]; /* in words above the first slot */
} __attribute__((aligned(64)));

struct dm_memo
{
  struct dm_memo_entry entry[DM_MEMO_ENTRIES];
};

_Static_assert(sizeof(struct dm_memo_entry) == 128, "two cache lines");

/* Where an allocator function was called from. */
struct dm_caller
{
  const uintptr_t *slot; /* where its return address lies */
  uintptr_t rbp;         /* the frame pointer register at the call */
};

static inline uint64_t
dm_memo_key(struct dm_caller caller)
{
  uint64_t key = (*caller.slot ^ (uintptr_t) caller.slot << 20) *
                 UINT64_C(0x9e3779b97f4a7c15);
  return key ^ (uintptr_t) caller.slot;
}

static inline struct dm_memo_entry *
dm_memo_place(struct dm_memo *memo, uint64_t key)
{
  return &memo->entry[(key >> 40) % DM_MEMO_ENTRIES];
}

/* The hash of the values in ENTRY's slots as they are now, seen from CALLER:
   four chains that do not wait for each other. */
static inline uint64_t
dm_memo_hash(const struct dm_memo_entry *entry, struct dm_caller caller)
{
  const uintptr_t *base = caller.slot;
  uint64_t a = entry->uses_rbp ? caller.rbp : 0, b = 1, c = 2, d = 3;
  for (unsigned i = 0; i < entry->count; i += 4)
  {
    a = (a ^ base[entry->slot[i]]) * UINT64_C(0x9e3779b97f4a7c15);
    b = (b ^ base[entry->slot[i + 1]]) * UINT64_C(0xc2b2ae3d27d4eb4f);
    c = (c ^ base[entry->slot[i + 2]]) * UINT64_C(0x165667b19e3779f9);
    d = (d ^ base[entry->slot[i + 3]]) * UINT64_C(0xd6e8feb86659fd93);
  }
  a ^= b << 31 | b >> 33;
  c ^= d << 29 | d >> 35;
  return a ^ (c << 17 | c >> 47);
}

#endif
