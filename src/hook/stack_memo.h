/* stack_memo.h -- the call stacks that a thread had lately.

   A program allocates from the same stacks again and again. The memo finds the
   callsite of such a stack without walking it, in two steps.

   A *shape* says, for a return address and a stack pointer, in which words
   above it a walk found what it went by: every return address, and every saved
   rbp that a frame was located by. Reading the same words now and finding the
   same values proves that a walk would go the same way. (A rbp still in its
   register when the allocator was called counts as one of them.)

   The values are hashed together with the shape, one load and one
   multiplication a word, and the hash leads to the callsite. So stacks that
   differ only in who called whom, not in where the frames lie, share a shape:
   the usual case for a leaf that is called from many places.

   Entries are not guarded against a signal handler that allocates while one is
   written: a mixture of two entries hashes to nothing that was ever stored. */

#ifndef DM_HOOK_STACK_MEMO_H
#define DM_HOOK_STACK_MEMO_H

#include <stdbool.h>
#include <stdint.h>

enum
{
  DM_MEMO_SLOTS = 48,
  DM_MEMO_SHAPES = 256, /* in pairs for the same key */
  DM_MEMO_STACKS = 2048
};

struct dm_shape
{
  uint64_t key;                 /* of return address and slot; 0: empty */
  uint64_t seed;                /* of all below: where the hash begins */
  uint16_t count;               /* slots, a multiple of 4 (the last repeats) */
  uint16_t last;                /* the highest of them */
  int32_t rbp_mask;             /* -1 when rbp is hashed, else 0 */
  uint16_t slot[DM_MEMO_SLOTS]; /* in words above the return address */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct dm_shape) == 128, "two cache lines");

/* What a hash leads to. The tag is the hash combined with the callsite, so a
   pair torn by a signal handler does not match. */
struct dm_memo_stack
{
  uint64_t tag;
  uint32_t callsite;
  uint32_t verify; /* DMALLOC_VERIFY is on: do not believe it, walk */
};

struct dm_memo
{
  struct dm_shape shapes[DM_MEMO_SHAPES];
  struct dm_memo_stack stacks[DM_MEMO_STACKS];
};

/* Where an allocator function was called from. */
struct dm_caller
{
  const uintptr_t *slot; /* where its return address lies */
  uintptr_t rbp;         /* the frame pointer register at the call */
};

static inline uint64_t
dm_memo_key(struct dm_caller caller, uint32_t generation)
{
  uint64_t key = (*caller.slot + generation) ^ (uintptr_t) caller.slot << 20;
  key = key * UINT64_C(0x9e3779b97f4a7c15) ^ (uintptr_t) caller.slot;
  return key | 1;
}

/* The first of the pair of shapes for KEY. */
static inline struct dm_shape *
dm_memo_shape(struct dm_memo *memo, uint64_t key)
{
  return &memo->shapes[(key >> 40) % (DM_MEMO_SHAPES / 2) * 2];
}

/* The hash of the values in SHAPE's words as they are now, seen from CALLER:
   four chains that do not wait for each other, told apart at the end. */
static inline __attribute__((always_inline)) uint64_t
dm_memo_hash(const struct dm_shape *shape, struct dm_caller caller)
{
  const uint64_t multiplier = UINT64_C(0x9e3779b97f4a7c15);
  const uintptr_t *base = caller.slot;
  const uint16_t *slot = shape->slot, *end = slot + shape->count;
  uint64_t a = shape->seed;
  uint64_t b = caller.rbp & (uint64_t) (int64_t) shape->rbp_mask;
  uint64_t c = 0, d = 0;
  do
  {
    a = (a ^ base[slot[0]]) * multiplier;
    b = (b ^ base[slot[1]]) * multiplier;
    c = (c ^ base[slot[2]]) * multiplier;
    d = (d ^ base[slot[3]]) * multiplier;
    slot += 4;
  } while (slot != end);
  a ^= b << 31 | b >> 33;
  c ^= d << 29 | d >> 35;
  a ^= c << 17 | c >> 47;
  return a ^ a >> 29;
}

static inline struct dm_memo_stack *
dm_memo_stack(struct dm_memo *memo, uint64_t hash)
{
  return &memo->stacks[hash % DM_MEMO_STACKS];
}

static inline uint64_t
dm_memo_tag(uint64_t hash, uint32_t callsite)
{
  return hash ^ ((uint64_t) callsite << 32 | callsite);
}

#endif
