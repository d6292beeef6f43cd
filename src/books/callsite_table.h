/* callsite_table.h -- the table behind callsites.h: numbers and chains.

   For callsites.c and callsites_reclaim.c alone.

   Each number has an entry. The entries of the stacks whose hashes agree in
   their lowest bits form a chain, which a *head* begins. Threads look along
   chains and put new entries in front, by one compare-and-swap of the head; one
   thread alone, the *reclaimer*, takes entries out, anywhere. The head holds a
   version that every change of its chain raises.

   A stack has one entry. Whoever wants to put one in front has looked along the
   whole chain since it read the head; if the chain changed meanwhile, the
   version has, and so the swap fails and the search begins anew. That also
   holds for a searcher who stands on an entry that is taken out and becomes
   part of another chain: it is led astray, notices it by the hash or finds
   nothing, and the version of its chain is not what it was. The version has 44
   bits: it does not come round.

   An entry's *word* is its identity and its state in one, so that a single load
   says "this stack has this number, now":

       hash (59 bits) | how it was recorded (3) | state (2)

   Two stacks that agree in all of hash and how are taken for one: with 65,536
   stacks that is so in one of some 10^8 processes, and a search need not read
   the stack.

       FREE       nobody's, or being made by a thread
       LIVE       in a chain
       WITHDRAWN  in a chain, and about to be reclaimed: whoever finds it makes
                  it LIVE again
       DEAD       in a chain until the reclaimer takes it out; not to be found

   Free numbers form a list, with a version in its head for the same reason. */

#ifndef DM_BOOKS_CALLSITE_TABLE_H
#define DM_BOOKS_CALLSITE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hidden.h"
#include "books/frame.h"

enum dm_entry_state
{
  DM_ENTRY_FREE,
  DM_ENTRY_LIVE,
  DM_ENTRY_WITHDRAWN,
  DM_ENTRY_DEAD,
  DM_ENTRY_STATES
};
enum
{
  DM_ENTRY_HOW_SHIFT = 2,
  DM_ENTRY_HASH_SHIFT = 5,
  DM_NUMBER_BITS = 20
};

struct dm_entry
{
  _Atomic uint64_t word;
  _Atomic uint32_t next;  /* number in the chain, or in the list of free ones */
  _Atomic uint32_t round; /* of the reclaimer, when it was found last */
};

/* What is recorded of a stack. */
struct dm_stack
{
  const dm_frame *frames;
  unsigned count;
  unsigned how; /* DM_CALLSITE_... */
};

/* All tables; by number, and by the lowest bits of a hash. */
struct dm_callsite_table
{
  uint32_t cap;
  struct dm_entry *entries;
  _Atomic uint64_t *heads; /* version above, number below; 0: empty */
  uint64_t head_mask;
};
extern DM_HIDDEN struct dm_callsite_table dm_table;

/* Numbers in use; the reclaimer's round, and how many it has reclaimed. */
extern DM_HIDDEN _Atomic uint32_t dm_table_in_use;
extern DM_HIDDEN _Atomic uint32_t dm_table_round;
extern DM_HIDDEN _Atomic uint64_t dm_table_reclaimed;

static inline enum dm_entry_state
dm_entry_state(uint64_t word)
{
  return word % DM_ENTRY_STATES;
}

static inline unsigned
dm_entry_how(uint64_t word)
{
  return word >> DM_ENTRY_HOW_SHIFT & 7;
}

/* The word of the same stack in STATE. */
static inline uint64_t
dm_entry_word(uint64_t word, enum dm_entry_state state)
{
  return word / DM_ENTRY_STATES * DM_ENTRY_STATES + state;
}

static inline _Atomic uint64_t *
dm_table_head(uint64_t word)
{
  return &dm_table.heads[word >> DM_ENTRY_HASH_SHIFT & dm_table.head_mask];
}

static inline uint32_t
dm_head_number(uint64_t head)
{
  return head & ((1 << DM_NUMBER_BITS) - 1);
}

/* What follows HEAD when its chain is changed and begins with NUMBER. */
static inline uint64_t
dm_head_after(uint64_t head, uint32_t number)
{
  return ((head >> DM_NUMBER_BITS) + 1) << DM_NUMBER_BITS | number;
}

/* Makes room for CAP numbers. Returns 0 or a negative errno. */
int dm_table_init(uint32_t cap);

/* The word of a stack, live: of COUNT frames, recorded as HOW says, whose chain
   (base/chain.h), outermost first, is CHAIN. */
uint64_t dm_table_word_of(uint64_t chain, unsigned count, unsigned how);
uint64_t dm_table_word(const struct dm_stack *stack);

/* The number of the stack whose word is WORD, 0 when it has none. Thread-safe,
   Signal-safe. */
uint32_t dm_table_known(uint64_t word);

/* The number of STACK, whose word is WORD. When it has none, one is made if
   fewer than LIMIT are in use. 0 if not. Thread-safe, Signal-safe. */
uint32_t dm_table_find(const struct dm_stack *stack, uint64_t word,
                       uint32_t limit);

/* The frames of NUMBER. */
const dm_frame *dm_table_frames(uint32_t number, unsigned *count);

/* Numbers in use by how they were recorded (DM_CALLSITE_...); those of one
   frame apart. */
uint32_t dm_table_count(unsigned how, bool one_frame);

/* Numbers ever given out. */
uint32_t dm_table_used(void);

/* Takes NUMBER, which is DEAD, out of its chain and makes it free. For the
   reclaimer. */
void dm_table_remove(uint32_t number);

#endif
