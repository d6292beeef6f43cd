/* stack_memo.h -- the call stacks that a thread had lately.

   A program allocates from the same stacks again and again. The memo finds the
   cell that such a stack is counted in without walking it, in two steps.

   A *shape* says, for a return address and a stack pointer, in which words
   from there on a walk found what it went by: every return address, and every
   saved rbp that a frame was located by. Reading the same words now and finding
   the same values proves that a walk would go the same way. (A rbp still in its
   register when the allocator was called is the word that the entry point saved
   it in.)

   The values are hashed together with the shape, and the hash leads to the cell:
   as a rule that of the shape's last stack, else by a table.
   So stacks that differ only in who called whom, not in where the frames lie,
   share a shape: the usual case for a leaf that is called from many places. A
   shape is made when it is needed twice in a row, or by chance, so that those
   that take turns find their places, and a stack that comes once has none.

   The words are taken in pairs, with one instruction for each: the first is
   mixed in, the second is multiplied by. A factor that ends in N zero bits
   loses N bits of what was there; return addresses end in one on average. So
   the second of a pair is always a return address, and of a shape that is
   written none that ends in many: no word that may be 0. Then two stacks that
   differ in one word never have the same hash, and others by chance in one of
   2^50 or so.

   The table of hashes begins small and grows with the stacks that there are. A
   hash has its place in one cache line of it, among the four that were found
   there last, the last one first; so the usual way looks at one. One that
   has to go from its line goes to its second one, if that has room (as in
   R. Pagh, F. Rodler, "Cuckoo Hashing", 2001), so that hardly any is forgotten
   before nearly all lines are full.

   A walk asks the memo, too, before it looks for its callsite, for its shape may
   be new and its hash not; a walk that has no shape has the hash of its frames
   instead.

   Entries are not guarded against a signal handler that allocates while one is
   written: a mixture of two entries hashes to nothing that was ever stored. */

#ifndef DM_HOOK_STACK_MEMO_H
#define DM_HOOK_STACK_MEMO_H

#include <stdbool.h>
#include <stdint.h>

struct dm_cell;

enum
{
  DM_MEMO_SLOTS = 48,
  DM_MEMO_STEP = 8, /* slots are read so many at a time */
  DM_MEMO_SHAPES = 1024, /* in pairs for the same key */
  DM_MEMO_STACKS_FIRST = 1 << 12,
  DM_MEMO_STACKS_LOG2 = 16, /* of the most */
  DM_MEMO_STACKS_PARTS = 8, /* of a table; it grows when one part is filled */
  DM_MEMO_WAYS = 4,         /* entries in a line */
  DM_MEMO_CHANCE = 8, /* one new shape in so many is made at once */
  DM_MEMO_TURN = 64   /* when the second of a pair was right so often, it becomes
                         the first */
};

/* Whether a return address may be a factor: it ends in few zero bits. */
static inline bool
dm_memo_is_factor(uintptr_t address)
{
  return address & 0xffff;
}

struct dm_shape
{
  uint64_t key;                 /* of return address and slot; 0: empty */
  uint64_t seed;                /* of the slots: where the hash begins; never 0 */
  uint64_t tag;      /* of the last stack: its hash combined with its callsite */
  uint32_t callsite; /* of that */
  uint16_t count;               /* slots, a multiple of the step */
  uint16_t slot[DM_MEMO_SLOTS]; /* in words from the caller's record on */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct dm_shape) == 128, "two cache lines");

/* What a hash leads to: the cell of the thread's ledger. The tag is the hash
   combined with the cell's address, so a pair torn by a signal handler does not
   match. */
struct dm_memo_stack
{
  uint64_t tag;
  struct dm_cell *cell;
};

struct dm_memo_table
{
  uint64_t capacity; /* entries: a power of two */
  uint64_t mask;     /* which bits of the upper ones of a hash say, in bytes,
                        where its line is */
  uint64_t filled;   /* entries, whatever they are worth */
  uint64_t salt;     /* with which all were found that is not outdated */
  struct dm_memo_stack stack[] __attribute__((aligned(64)));
};

struct dm_memo
{
  uint64_t salt; /* part of each key: what was known before it changed is not
                    found any more */
  struct dm_memo_table *table;
  uint32_t seen[DM_MEMO_SHAPES / 2]; /* for each pair, of the seed of the last
                                        shape that was not there */
  uint32_t unseen, seconds; /* shapes that were not there, or second */
  struct dm_shape shapes[DM_MEMO_SHAPES];
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

/* The pair of shapes for KEY, and the first of them. */
static inline unsigned
dm_memo_pair(uint64_t key)
{
  return (key >> 40) % (DM_MEMO_SHAPES / 2);
}

static inline struct dm_shape *
dm_memo_shape(struct dm_memo *memo, uint64_t key)
{
  return &memo->shapes[dm_memo_pair(key) * 2];
}

/* The hash of the values in SHAPE's words as they are now, seen from CALLER:
   four chains that do not wait for each other, told apart at the end. Where the
   words are 0 now, so are the chains; the seed is left then, and never 0, which
   would be the hash of an empty entry. */
static inline __attribute__((always_inline)) uint64_t
dm_memo_hash(const struct dm_shape *shape, struct dm_caller caller)
{
  const uintptr_t *base = caller.record;
  const uint16_t *slot = shape->slot, *end = slot + shape->count;
  uint64_t a = shape->seed, b = a, c = a, d = a;
  do
  {
    a = (a ^ base[slot[0]]) * base[slot[1]];
    b = (b ^ base[slot[2]]) * base[slot[3]];
    c = (c ^ base[slot[4]]) * base[slot[5]];
    d = (d ^ base[slot[6]]) * base[slot[7]];
    slot += DM_MEMO_STEP;
  } while (slot != end);
  a ^= b << 31 | b >> 33;
  c ^= d << 29 | d >> 35;
  return a + (c << 17 | c >> 47) + shape->seed;
}

/* The line for HASH in TABLE: DM_MEMO_WAYS entries. */
static inline struct dm_memo_stack *
dm_memo_line(struct dm_memo_table *table, uint64_t hash)
{
  enum
  {
    SIZE_LOG2 = 4
  };
  _Static_assert(sizeof *table->stack == 1 << SIZE_LOG2, "one shift");
  uint64_t offset = hash >> (64 - DM_MEMO_STACKS_LOG2 - SIZE_LOG2) & table->mask;
  return (struct dm_memo_stack *) ((char *) table->stack + offset);
}

/* The second line for HASH, where an entry goes that has to go from the first. */
static inline struct dm_memo_stack *
dm_memo_second_line(struct dm_memo_table *table, uint64_t hash)
{
  return dm_memo_line(table, hash << 32 | hash >> 32);
}

static inline uint64_t
dm_memo_tag(uint64_t hash, const struct dm_cell *cell)
{
  return hash ^ (uintptr_t) cell;
}

static inline bool
dm_memo_is(const struct dm_memo_stack *stack, uint64_t hash)
{
  return stack->tag == dm_memo_tag(hash, stack->cell);
}

/* Whether HASH is that of SHAPE's last stack. The two halves are combined for
   the same reason as in a tag. */
static inline bool
dm_memo_was_last(const struct dm_shape *shape, uint64_t hash)
{
  return shape->tag == (hash ^ shape->callsite);
}

/* It is from now on, and leads to the cell of CALLSITE. */
static inline void
dm_memo_note_last(struct dm_shape *shape, uint64_t hash, uint32_t callsite)
{
  shape->callsite = callsite;
  shape->tag = hash ^ callsite;
}

/* Makes the first table of MEMO. Returns false without memory. */
bool dm_memo_init(struct dm_memo *memo);

/* The cell that HASH leads to from anywhere but the first place of its line, or
   NULL. It gets the first place of the line where it is. */
struct dm_cell *dm_memo_find_other(struct dm_memo *memo, uint64_t hash);

/* The same from all places. */
struct dm_cell *dm_memo_find(struct dm_memo *memo, uint64_t hash);

/* Lets HASH, which leads nowhere, lead to CELL. SALT is the part of the keys
   that changes when what was found before is not to be believed any more: then
   all of it is forgotten.
   Signal-safe, for the memo's own thread. */
void dm_memo_keep(struct dm_memo *memo, uint64_t hash, struct dm_cell *cell,
                  uint64_t salt);

#endif
