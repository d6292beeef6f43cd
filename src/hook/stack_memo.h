/* stack_memo.h -- the call stacks that a thread had lately.

   A program allocates from the same stacks again and again. The memo finds the
   cell that such a stack is counted in without walking it, in two steps.

   A *shape* says, for a return address and a stack pointer, in which words
   from there on a walk found what it went by: every return address, and every
   saved rbp that a frame was located by. Reading the same words now and finding
   the same values proves that a walk would go the same way. (A rbp still in its
   register when the allocator was called is the word that the entry point saved
   it in.)

   The values are hashed together with the shape, and the hash leads to the
   callsite, and so to its cell: as a rule that of the shape's last stack, else
   by a table.
   So stacks that differ only in who called whom, not in where the frames lie,
   share a shape: the usual case for a leaf that is called from many places. A
   shape is made when it is needed twice in a row, or by chance, so that those
   that take turns find their places, and a stack that comes once has none.

   The words are taken in pairs, with one instruction for each: the first is
   mixed in, the second is multiplied by. A factor that ends in N zero bits
   loses N bits of what was there, return addresses end in one on average. So
   the second of a pair is always a return address, and of a shape that is
   written none that ends in many zeros: no word that may be 0. What is mixed in
   may be 0 only before the first factor: else two factors with a 0 in between
   could change places. Addresses differ in a few bits, and those of small
   programs are small themselves, so a difference may still be small after a few
   pairs; the seed, which is as good as random, is the last factor of all. Then
   two stacks have the same hash by chance, in one of 2^44 or so.

   The table of hashes begins small and grows with the stacks that there are. A
   hash has its place in one line of it, half a cache line, among the four that
   were found there last, the last one first, which is looked at first. One
   that has to go from its line goes to its second one, if that has room (as in
   R. Pagh, F. Rodler, "Cuckoo Hashing", 2001), so that hardly any is forgotten
   before nearly all lines are full. Programs with many stacks wait for the table
   to come from memory, so an entry is as small as can be: one word.

   A walk asks the memo, too, before it looks for its callsite, by the hash of its
   frames: a stack that has no shape is known by that.

   Nothing is guarded against a signal handler that allocates while a line is
   changed: it finds whole entries, or misses one. */

#ifndef DM_HOOK_STACK_MEMO_H
#define DM_HOOK_STACK_MEMO_H

#include <stdbool.h>
#include <stdint.h>

enum
{
  DM_MEMO_SLOTS = 48,
  DM_MEMO_STEP = 8,         /* slots are read so many at a time */
  DM_MEMO_PAIRS_FIRST = 32, /* pairs of shapes for the same key; */
  DM_MEMO_PAIRS = 512,      /* the most */
  DM_MEMO_CHANCE = 8,       /* one new shape in so many is made at once */
  DM_MEMO_TURN = 64,        /* when the second of a pair was right so often, it
                               becomes the first */
  DM_MEMO_STACKS_FIRST = 1 << 10, /* entries; */
  DM_MEMO_STACKS_LOG2 = 16,       /* of the most */
  DM_MEMO_STACKS_PARTS = 4, /* of a table; it grows when one part is filled */
  DM_MEMO_WAYS = 4,         /* entries in a line */
  DM_MEMO_GROWTH = 4        /* of pairs and entries, each time */
};

/* Hashes have 44 bits, and below them room for the number of a callsite. */
#define DM_MEMO_HASH_UNIT (UINT64_C(1) << 20)

static inline uint64_t
dm_memo_hash_of(uint64_t word)
{
  return word & -DM_MEMO_HASH_UNIT;
}

/* A hash and the number of the callsite that it leads to; 0: nothing. */
typedef uint64_t dm_memo_entry;

/* Whether a return address may be a factor: it ends in few zero bits. */
static inline bool
dm_memo_is_factor(uintptr_t address)
{
  return address & 0xffff;
}

struct dm_shape
{
  uint64_t key;                 /* of return address and slot; 0: empty */
  uint64_t seed;                /* of the slots: where the hash begins; odd */
  dm_memo_entry last;           /* of the last stack; 0: none */
  uint16_t count;               /* slots, a multiple of the step */
  uint16_t slot[DM_MEMO_SLOTS]; /* in words from the caller's record on */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct dm_shape) == 128, "two cache lines");

struct dm_memo_table
{
  uint64_t capacity; /* entries: a power of two */
  uint64_t mask;     /* which bits of the upper ones of a hash say, in bytes,
                        where its line is */
  uint64_t filled;   /* entries, whatever they are worth */
  uint64_t salt;     /* with which all were found that is not outdated */
  dm_memo_entry entry[] __attribute__((aligned(64)));
};

struct dm_memo
{
  uint64_t salt; /* part of each key: what was known before it changed is not
                    found any more */
  uint64_t pairs_mask; /* which bits of the upper half of a key say, in bytes,
                          where its pair is */
  struct dm_memo_table *table;
  uint32_t made;                /* shapes, since the pairs in use grew */
  uint32_t unseen, seconds;     /* shapes that were not there, or second */
  uint32_t seen[DM_MEMO_PAIRS]; /* for each pair, of the hash of the last stack
                                   whose shape was not there */
  struct dm_shape shapes[2 * DM_MEMO_PAIRS];
};

/* Where an allocator function was called from: the frame record that its entry
   point makes, which stays on the stack until that returns. */
struct dm_caller
{
  const uintptr_t *record;
};
enum
{
  DM_CALLER_RBP,    /* word 0: the frame pointer register at the call */
  DM_CALLER_ADDRESS /* word 1: the return address */
};

/* Where its return address lies. */
static inline const uintptr_t *
dm_caller_slot(struct dm_caller caller)
{
  return &caller.record[DM_CALLER_ADDRESS];
}

static inline uintptr_t
dm_caller_address(struct dm_caller caller)
{
  return caller.record[DM_CALLER_ADDRESS];
}

/* The key of CALLER: as good as unique to return address, slot and SALT, which
   is the memo's and what else must not have changed. */
static inline uint64_t
dm_memo_key(struct dm_caller caller, uint64_t salt)
{
  uintptr_t place = (uintptr_t) caller.record;
  uint64_t both = dm_caller_address(caller) + salt + place * 8;
  return both * UINT64_C(0x9e3779b97f4a7c15) ^ place;
}

/* The pair of shapes for KEY: the first of them, and its number. */
static inline struct dm_shape *
dm_memo_shape(struct dm_memo *memo, uint64_t key)
{
  return (struct dm_shape *) ((char *) memo->shapes +
                              (key >> 32 & memo->pairs_mask));
}

static inline unsigned
dm_memo_pair(const struct dm_memo *memo, const struct dm_shape *pair)
{
  return (unsigned) (pair - memo->shapes) / 2;
}

/* The hash of the values in SHAPE's words as they are now, seen from CALLER:
   four chains that do not wait for each other, joined as the coefficients of a
   polynomial in the seed. Where the words are 0 now, so are the chains; the seed
   is left then. */
static inline __attribute__((always_inline)) uint64_t
dm_memo_hash(const struct dm_shape *shape, struct dm_caller caller)
{
  const uintptr_t *base = caller.record;
  const uint16_t *slot = shape->slot, *end = slot + shape->count;
  uint64_t seed = shape->seed;
  uint64_t a = seed, b = seed, c = seed, d = seed;
  do
  {
    a = (a ^ base[slot[0]]) * base[slot[1]];
    b = (b ^ base[slot[2]]) * base[slot[3]];
    c = (c ^ base[slot[4]]) * base[slot[5]];
    d = (d ^ base[slot[6]]) * base[slot[7]];
    slot += DM_MEMO_STEP;
  } while (slot != end);
  return dm_memo_hash_of((((a * seed + b) * seed + c) * seed + d + 1) * seed);
}

/* The line for HASH in TABLE: DM_MEMO_WAYS entries. */
static inline dm_memo_entry *
dm_memo_line(struct dm_memo_table *table, uint64_t hash)
{
  enum
  {
    SIZE_LOG2 = 3
  };
  _Static_assert(sizeof *table->entry == 1 << SIZE_LOG2, "one shift");
  uint64_t offset = hash >> (64 - DM_MEMO_STACKS_LOG2 - SIZE_LOG2) & table->mask;
  return (dm_memo_entry *) ((char *) table->entry + offset);
}

/* The second line for HASH, where an entry goes that has to go from the first.
   It is found by the upper bits alone, which an entry has. */
static inline dm_memo_entry *
dm_memo_second_line(struct dm_memo_table *table, uint64_t hash)
{
  return dm_memo_line(table, hash << DM_MEMO_STACKS_LOG2);
}

/* Whether ENTRY is one for HASH; and then, which callsite it leads to. */
static inline bool
dm_memo_is(dm_memo_entry entry, uint64_t hash)
{
  return (entry ^ hash) < DM_MEMO_HASH_UNIT;
}

static inline uint32_t
dm_memo_callsite(dm_memo_entry entry)
{
  return entry % DM_MEMO_HASH_UNIT;
}

/* Makes MEMO, which is zeroed, ready. Returns false without memory. */
bool dm_memo_init(struct dm_memo *memo);

/* How many pairs are in use. */
static inline unsigned
dm_memo_pairs(const struct dm_memo *memo)
{
  return (unsigned) (memo->pairs_mask / (2 * sizeof *memo->shapes)) + 1;
}

/* Lets COUNT pairs be in use: what is not where it is looked for now is made
   anew. */
static inline void
dm_memo_use_pairs(struct dm_memo *memo, unsigned count)
{
  memo->pairs_mask = (count - 1) * 2 * sizeof *memo->shapes;
  memo->made = 0;
}

/* The entry for HASH anywhere but in the first place of its line, or 0. It gets
   the first place of the line where it is. */
dm_memo_entry dm_memo_find_other(struct dm_memo *memo, uint64_t hash);

/* The same from all places. */
dm_memo_entry dm_memo_find(struct dm_memo *memo, uint64_t hash);

/* Lets HASH, which leads nowhere, lead to CALLSITE. SALT is the part of the keys
   that changes when what was found before is not to be believed any more: then
   all of it is forgotten.
   Signal-safe, for the memo's own thread. */
void dm_memo_keep(struct dm_memo *memo, uint64_t hash, uint32_t callsite,
                  uint64_t salt);

#endif
