/* callsite_table.c -- the table behind callsites.h: numbers and chains. */

#include "books/callsite_table.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/sys.h"

/* What a number's stack is kept in. It stays with the number and serves the
   next stack if that fits; if not, one of twice the room at least takes its
   place, so all that a number ever had is less than twice the last. */
struct storage
{
  uint32_t room;
  uint32_t count;
  dm_frame frames[];
};
enum
{
  FRAMES_MAX = 64
};

struct dm_callsite_table dm_table;
_Atomic uint32_t dm_table_in_use;
_Atomic uint32_t dm_table_round = 1;

/* By number. Published by the head that the entry is put behind. */
static _Atomic(struct storage *) *storages;

static _Atomic uint32_t used;
static _Atomic uint64_t free_list; /* as a head */

/* By the bits of how, and whether it is one frame. */
static _Atomic uint32_t counts[8][2];

int
dm_table_init(uint32_t cap)
{
  /* One for four: they are all over, and a small program touches each page. */
  size_t heads = 64;
  while (heads < cap / 4)
    heads *= 2;
  dm_table.entries = dm_sys_map((cap + 1) * sizeof *dm_table.entries);
  dm_table.heads = dm_sys_map(heads * sizeof *dm_table.heads);
  storages = dm_sys_map((cap + 1) * sizeof *storages);
  if (!dm_table.entries || !dm_table.heads || !storages)
    return -ENOMEM;
  dm_table.head_mask = heads - 1;
  dm_table.cap = cap;
  return 0;
}

/* --------------------------------------------------------------------------
   Hashes. */

uint64_t
dm_table_word_of(uint64_t chain, unsigned count, unsigned how)
{
  uint64_t hash = dm_stir(chain ^ count ^ (uint64_t) how << 32);
  return hash << DM_ENTRY_HASH_SHIFT | how << DM_ENTRY_HOW_SHIFT |
         DM_ENTRY_LIVE;
}

uint64_t
dm_table_word(const struct dm_stack *stack)
{
  return dm_table_word_of(dm_frames_chain(stack->frames, stack->count),
                          stack->count, stack->how);
}

/* --------------------------------------------------------------------------
   Numbers. */

/* A number that was given back, or 0. */
static uint32_t
take_free(void)
{
  /* Acquire: pairs with the exchange in give_back, so that its next is read. */
  uint64_t head = atomic_load_explicit(&free_list, memory_order_acquire);
  uint32_t next;
  do
  {
    if (dm_head_number(head) == 0)
      return 0;
    /* Perhaps somebody else has it already; then the exchange fails. */
    next = atomic_load_explicit(&dm_table.entries[dm_head_number(head)].next,
                                memory_order_relaxed);
  } while (!atomic_compare_exchange_weak(&free_list, &head,
                                         dm_head_after(head, next)));
  return dm_head_number(head);
}

/* A number that nobody ever had, or 0. */
static uint32_t
take_new(void)
{
  uint32_t number = atomic_load_explicit(&used, memory_order_relaxed);
  do
    if (number >= dm_table.cap)
      return 0;
  while (!atomic_compare_exchange_weak(&used, &number, number + 1));
  return number + 1;
}

static uint32_t
take_number(uint32_t limit)
{
  if (atomic_load_explicit(&dm_table_in_use, memory_order_relaxed) >= limit)
    return 0;
  uint32_t number = take_free();
  if (!number)
    number = take_new();
  atomic_fetch_add_explicit(&dm_table_in_use, number != 0,
                            memory_order_relaxed);
  return number;
}

/* Counts the callsite of WORD, of COUNT frames: CHANGE is 1, or -1. */
static void
count_entry(uint64_t word, unsigned count, uint32_t change)
{
  atomic_fetch_add_explicit(&counts[dm_entry_how(word)][count == 1], change,
                            memory_order_relaxed);
}

/* NUMBER is in no chain: the next stack may have it. */
static void
give_back(uint32_t number)
{
  struct dm_entry *entry = &dm_table.entries[number];
  uint64_t word = atomic_load_explicit(&entry->word, memory_order_relaxed);
  unsigned count;
  if (dm_table_frames(number, &count))
    count_entry(word, count, (uint32_t) -1);
  atomic_store_explicit(&entry->word, DM_ENTRY_FREE, memory_order_relaxed);
  uint64_t head = atomic_load_explicit(&free_list, memory_order_relaxed);
  /* Release: pairs with the acquire in take_free. */
  do
    atomic_store_explicit(&entry->next, dm_head_number(head),
                          memory_order_relaxed);
  while (!atomic_compare_exchange_weak(&free_list, &head,
                                       dm_head_after(head, number)));
  atomic_fetch_sub_explicit(&dm_table_in_use, 1, memory_order_relaxed);
}

/* Room for COUNT frames at NUMBER, which is the caller's alone. */
static struct storage *
make_storage(uint32_t number, unsigned count)
{
  struct storage *storage =
      atomic_load_explicit(&storages[number], memory_order_relaxed);
  if (storage && storage->room >= count)
    return storage;
  unsigned room = storage ? 2 * storage->room : count;
  if (room > FRAMES_MAX)
    room = FRAMES_MAX;
  if (room < count)
    room = count;
  storage = dm_arena_alloc(sizeof *storage + room * sizeof(dm_frame),
                           sizeof(uint64_t));
  if (!storage)
    return NULL;
  storage->room = room;
  atomic_store_explicit(&storages[number], storage, memory_order_relaxed);
  return storage;
}

/* A number for STACK, in no chain yet; 0 when there is none, or no memory. */
static uint32_t
make_entry(const struct dm_stack *stack, uint64_t word, uint32_t limit)
{
  uint32_t number = take_number(limit);
  if (!number)
    return 0;
  struct storage *storage = make_storage(number, stack->count);
  if (!storage)
  {
    give_back(number);
    return 0;
  }
  storage->count = stack->count;
  memcpy(storage->frames, stack->frames, stack->count * sizeof(dm_frame));
  struct dm_entry *entry = &dm_table.entries[number];
  uint32_t round = atomic_load_explicit(&dm_table_round, memory_order_relaxed);
  atomic_store_explicit(&entry->round, round, memory_order_relaxed);
  /* Release: pairs with the acquire of dm_table_frames. */
  atomic_store_explicit(&entry->word, word, memory_order_release);
  count_entry(word, stack->count, 1);
  return number;
}

/* --------------------------------------------------------------------------
   Chains. */

/* Whether ENTRY, in which SEEN was read, is that of the stack of WORD and can
   be had. */
static bool
is_found(struct dm_entry *entry, uint64_t seen, uint64_t word)
{
  if (seen == dm_entry_word(word, DM_ENTRY_WITHDRAWN))
  {
    /* The reclaimer's exchange of the same word comes before this one, and then
       the entry is DEAD, or after it, and then it fails. */
    if (atomic_compare_exchange_strong(&entry->word, &seen, word))
      return true;
  }
  return seen == word;
}

/* What the head of WORD's chain is. Acquire: pairs with the exchange that put an
   entry in front, so that what it leads to can be read.

   While few numbers are in use whoever looks is most often about to put an entry
   there, and nobody has been on that page before: written to at once it is one
   page fault, read first it would be two. */
static uint64_t
read_head(uint64_t word)
{
  enum
  {
    FEW = 1024
  };
  _Atomic uint64_t *head = dm_table_head(word);
  return atomic_load_explicit(&used, memory_order_relaxed) < FEW
             ? atomic_fetch_add_explicit(head, 0, memory_order_acquire)
             : atomic_load_explicit(head, memory_order_acquire);
}

/* The number of the stack of WORD, or 0; *HEAD is what the chain's head was
   before it was searched. */
static uint32_t
search(uint64_t word, uint64_t *head)
{
  const uint64_t chain = dm_table.head_mask << DM_ENTRY_HASH_SHIFT;
  for (;;)
  {
    *head = read_head(word);
    uint32_t number = dm_head_number(*head);
    while (number)
    {
      struct dm_entry *entry = &dm_table.entries[number];
      /* Acquire, here and below, as in read_head. */
      uint64_t seen = atomic_load_explicit(&entry->word, memory_order_acquire);
      if (is_found(entry, seen, word))
        return number;
      if ((seen ^ word) & chain)
        break; /* led astray: the chain has changed */
      number = atomic_load_explicit(&entry->next, memory_order_acquire);
    }
    if (!number)
      return 0;
  }
}

/* NUMBER was found: it is of use. */
static uint32_t
note_use(uint32_t number)
{
  _Atomic uint32_t *last = &dm_table.entries[number].round;
  uint32_t round = atomic_load_explicit(&dm_table_round, memory_order_relaxed);
  if (atomic_load_explicit(last, memory_order_relaxed) != round)
    atomic_store_explicit(last, round, memory_order_relaxed);
  return number;
}

uint32_t
dm_table_known(uint64_t word)
{
  uint64_t head;
  uint32_t number = search(word, &head);
  return number ? note_use(number) : 0;
}

uint32_t
dm_table_find(const struct dm_stack *stack, uint64_t word, uint32_t limit)
{
  uint32_t mine = 0;
  for (;;)
  {
    uint64_t head;
    uint32_t found = search(word, &head);
    if (found)
    {
      if (mine)
        give_back(mine);
      return note_use(found);
    }
    if (!mine && !(mine = make_entry(stack, word, limit)))
      return 0;
    atomic_store_explicit(&dm_table.entries[mine].next, dm_head_number(head),
                          memory_order_relaxed);
    /* Release: pairs with the acquires in search. */
    if (atomic_compare_exchange_strong(dm_table_head(word), &head,
                                       dm_head_after(head, mine)))
      return mine;
  }
}

/* Takes NUMBER out of the chain of HEAD. Whoever stands on it can still go on
   from there. */
static void
unlink_entry(_Atomic uint64_t *head, uint32_t number)
{
  struct dm_entry *entries = dm_table.entries;
  uint32_t next =
      atomic_load_explicit(&entries[number].next, memory_order_relaxed);
  uint64_t seen = atomic_load_explicit(head, memory_order_acquire);
  while (dm_head_number(seen) == number)
    if (atomic_compare_exchange_weak(head, &seen, dm_head_after(seen, next)))
      return;
  /* Behind another, which stays behind: others change only the head. */
  uint32_t before = dm_head_number(seen), behind;
  while (before && (behind = atomic_load_explicit(
                        &entries[before].next, memory_order_relaxed)) != number)
    before = behind;
  if (before)
    atomic_store_explicit(&entries[before].next, next, memory_order_release);
  /* Only now: whoever reads the new version does not come to NUMBER. */
  while (!atomic_compare_exchange_weak(
      head, &seen, dm_head_after(seen, dm_head_number(seen))))
    ;
}

void
dm_table_remove(uint32_t number)
{
  uint64_t word = atomic_load_explicit(&dm_table.entries[number].word,
                                       memory_order_relaxed);
  unlink_entry(dm_table_head(word), number);
  give_back(number);
}

/* --------------------------------------------------------------------------
   What is there. */

const dm_frame *
dm_table_frames(uint32_t number, unsigned *count)
{
  /* Acquire: pairs with the release of make_entry. */
  uint64_t word = atomic_load_explicit(&dm_table.entries[number].word,
                                       memory_order_acquire);
  const struct storage *storage =
      dm_entry_state(word) == DM_ENTRY_FREE
          ? NULL
          : atomic_load_explicit(&storages[number], memory_order_relaxed);
  *count = storage ? storage->count : 0;
  return storage ? storage->frames : NULL;
}

uint32_t
dm_table_count(unsigned how, bool one_frame)
{
  return atomic_load_explicit(&counts[how][one_frame], memory_order_relaxed);
}

uint32_t
dm_table_used(void)
{
  return atomic_load_explicit(&used, memory_order_relaxed);
}
