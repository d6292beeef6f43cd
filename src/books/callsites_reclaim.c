/* callsites_reclaim.c -- numbers of callsites without a live block, freed.

   A round of the reclaimer, R:

     R1  withdraw: LIVE -> WITHDRAWN for each candidate
     R2  raise the generation
     R3  barrier: every thread executes a full one
     R4  sum: all frees, then all allocations, then the rest
     R5  not equal: WITHDRAWN -> LIVE.  Equal: WITHDRAWN -> DEAD, unless
         somebody has made it LIVE again; then the books take the sum for the
         base of the successor
     R6  take it out of its chain, then put it among the free numbers

   A thread's allocation, A:

     A1  read the generation
     A2  find the number, n, in what is remembered from this generation or in
         the table; make it LIVE when it is WITHDRAWN
     A3  stamp the block, count it for n
     A4  read the generation again; if it is another: find n' by A1 and A2,
   count the block for n', take the count for n back, stamp it anew; A4 again A5
   hand the block out

   The claim: when R5 makes n DEAD, no block that is or will be handed out
   carries n for n's stack, and n's counters are final but for what A4 takes
   back. The machine is one whose stores become visible to all others at once
   and in program order, and only a store and a later load of another address
   may change places (x86-TSO); the compiler is held by signal fences.

   Take an A that found n for n's stack.

   1. It found n after R1, in the table: in A2 it has read WITHDRAWN and made it
      LIVE, or found that another thread has. Either that was before R5, and
      then R5's exchange of WITHDRAWN for DEAD fails; or R5 was before, and then
      the exchange of A2 fails, and n is not found. One word holds stack and
      state, so there is no third case.
   2. It found n before R1, or remembered it: then it read the generation before
      R2. (What is remembered from the generation of R2 or a later one was found
      after R2, which is case 1.)
      Let p be the place in its thread where the barrier of R3 fell.
      a. p is after the load of A4. Then the stores of A3 were before p, and R4
         sees them: n has one allocation more. Its free is seen as well, or n is
         not equal and lives on. If it is seen, the block is gone.
      b. p is before the load of A4. Then that load sees R2's generation. The
         block has not been handed out; A begins anew, and either finds n again
         (it is LIVE again, case 1, or its stack has got n anew: then the count
         is where it belongs), or another number, and takes its count for n
         back. R4 may have seen the count, and n lives on; or not, and then n's
         successor has one block too many in a dump that falls between A3 and
         A4. Sums are as exact as every figure of a dump: up to the operations
         under way, and exactly when all is quiet.

   Equal means final. A block's free is counted after its allocation, whoever
   frees it, so if the sum of frees has seen the free, the later sum of
   allocations sees the allocation: allocations - frees is never too low, and
   when it is 0 each block that was counted is gone, with everything that was
   ever counted for it but the last bytes of its free, if those are counted
   behind the free itself. What is yet to come are these, what case b has yet to
   take back, and nothing else; and as long as one of them is missing the live
   bytes are above 0, never below. So a sum of 0 blocks and 0 bytes is what the
   counters of n will be for ever, as far as its stack goes.

   Then n is FREE and gets a successor. A2 cannot find n for the old stack: its
   word is another. A1 to A4 that began before R2 are case 2. A free of a block
   that carries n is one of the successor's, for there is no other.

   A dump and a round hold the same lock: a dump reads n's frames and n's
   figures on one side of a round.

   The end of a thread in the middle of A (a handler that jumps out of malloc, a
   fork) leaves at most one count that nobody takes back. If it was seen by R4,
   n is never reclaimed again. If not, its successor has one block too many.
   A round that is broken off by a fork leaves WITHDRAWN and DEAD entries to the
   next round.

   tests/unit/test_reclaim_model.c tries all orders of these steps. */

#include "base/barrier.h"
#include "books/callsite_table.h"
#include "books/callsites.h"

_Atomic uint64_t dm_table_reclaimed;

static uint64_t
read_word(uint32_t number)
{
  /* Acquire: pairs with the release that made the entry. */
  return atomic_load_explicit(&dm_table.entries[number].word,
                              memory_order_acquire);
}

static bool
change_state(uint32_t number, enum dm_entry_state from, enum dm_entry_state to)
{
  uint64_t word = dm_entry_word(read_word(number), from);
  return atomic_compare_exchange_strong(&dm_table.entries[number].word, &word,
                                        dm_entry_word(word, to));
}

/* Calls VISIT for each number that is in a chain; it may take it out. A number
   in no chain belongs to the thread that is just making it. */
static uint32_t
for_each(uint32_t (*visit)(uint32_t number,
                           const struct dm_reclaim_books *with),
         const struct dm_reclaim_books *with)
{
  uint32_t sum = 0;
  for (uint64_t i = 0; i <= dm_table.head_mask; i++)
  {
    /* Acquire: pairs with the exchange that put an entry in front. */
    uint32_t number = dm_head_number(
        atomic_load_explicit(&dm_table.heads[i], memory_order_acquire));
    while (number)
    {
      uint32_t next = atomic_load_explicit(&dm_table.entries[number].next,
                                           memory_order_acquire);
      sum += visit(number, with);
      number = next;
    }
  }
  return sum;
}

/* What was there once goes at once where room is scarce; all else has the time
   of one round to be looked up again: all threads forgot what they remembered
   when that began. */
static bool
is_lately_used(uint32_t number, enum dm_callsite_worth worth)
{
  uint32_t round = atomic_load_explicit(&dm_table.entries[number].round,
                                        memory_order_relaxed);
  bool scarce = !dm_callsites_have_room();
  return round == atomic_load_explicit(&dm_table_round, memory_order_relaxed) &&
         !(scarce && worth == DM_WORTH_ONCE);
}

/* R1. Returns 1 when NUMBER has no live block, candidate or not. */
static uint32_t
withdraw(uint32_t number, const struct dm_reclaim_books *with)
{
  if (dm_entry_state(read_word(number)) != DM_ENTRY_LIVE)
    return 1; /* left from a round that was broken off */
  enum dm_callsite_worth worth = with->worth(number, with->books);
  if (worth == DM_WORTH_LIVE)
    return 0;
  if (!is_lately_used(number, worth))
    change_state(number, DM_ENTRY_LIVE, DM_ENTRY_WITHDRAWN);
  return 1;
}

/* R5, R6. Returns 1 when NUMBER was reclaimed. */
static uint32_t
decide(uint32_t number, const struct dm_reclaim_books *with)
{
  enum dm_entry_state state = dm_entry_state(read_word(number));
  bool dead = state == DM_ENTRY_DEAD;
  if (state == DM_ENTRY_WITHDRAWN && with->is_dead(number, with->books))
    dead = change_state(number, DM_ENTRY_WITHDRAWN, DM_ENTRY_DEAD);
  else if (state == DM_ENTRY_WITHDRAWN)
    change_state(number, DM_ENTRY_WITHDRAWN, DM_ENTRY_LIVE);
  if (!dead)
    return 0;
  with->reclaimed(number, with->books);
  dm_table_remove(number);
  return 1;
}

static uint32_t
restore(uint32_t number, const struct dm_reclaim_books *with)
{
  (void) with;
  return change_state(number, DM_ENTRY_WITHDRAWN, DM_ENTRY_LIVE);
}

uint32_t
dm_callsites_reclaim(const struct dm_reclaim_books *with)
{
  if (!dm_callsites_pressed() || for_each(withdraw, with) == 0)
    return 0;
  atomic_fetch_add(&dm_table_round, 1);
  /* Pairs with the loads of A1 and A4; that all come to see it is the barrier's
     doing. */
  atomic_fetch_add(&dm_callsites_generation, 1);
  if (!dm_barrier())
  {
    for_each(restore, with);
    return 0;
  }
  with->sum(with->books);
  uint32_t reclaimed = for_each(decide, with);
  atomic_fetch_add_explicit(&dm_table_reclaimed, reclaimed,
                            memory_order_relaxed);
  return reclaimed;
}

bool
dm_callsite_is_withdrawn(uint32_t number)
{
  return dm_entry_state(read_word(number)) >= DM_ENTRY_WITHDRAWN;
}
