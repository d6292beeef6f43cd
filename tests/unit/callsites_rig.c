/* callsites_rig.c -- made-up stacks, and small books that count by callsite. */

#include "callsites_rig.h"

#include <check.h>
#include <string.h>

unsigned
make_stack(unsigned number, dm_frame frames[DEEPEST])
{
  unsigned count = 1 + number % DEEPEST;
  for (unsigned i = 0; i < count; i++)
    frames[i] = 0x400000 + i;
  frames[count / 2] += (dm_frame) number << 24;
  return count;
}

uint32_t
find_stack(unsigned number)
{
  dm_frame frames[DEEPEST];
  unsigned count = make_stack(number, frames);
  return dm_callsites_find(frames, count, false);
}

bool
is_part(uint32_t site, unsigned number, unsigned count)
{
  dm_frame frames[DEEPEST];
  unsigned found;
  make_stack(number, frames);
  const dm_frame *kept = dm_callsite_frames(site, &found);
  return kept && found == count &&
         memcmp(kept, frames, count * sizeof *frames) == 0;
}

bool
is_stack(uint32_t site, unsigned number)
{
  return is_part(site, number, 1 + number % DEEPEST);
}

bool
is_some_of(uint32_t site, unsigned number)
{
  return site == DM_CALLSITE_OTHER || is_stack(site, number) ||
         (dm_callsite_how(site) == DM_CALLSITE_SHORTENED &&
          (is_part(site, number, 8) || is_part(site, number, 4) ||
           is_part(site, number, 1)));
}

/* --------------------------------------------------------------------------
   The hook's side. Each ledger has one writer. */

struct cell
{
  _Atomic int64_t allocations, frees, allocated, freed;
};
static struct cell cells[RIG_THREADS][RIG_CAP + 1];

/* What a thread remembers, by stack: valid in its generation alone. */
enum
{
  MEMO = 256
};
static struct
{
  unsigned stack;
  uint32_t generation, callsite;
} memo[RIG_THREADS][MEMO];

void (*before_counting)(void);
void (*before_second_look)(void);
void (*between_steps)(void);

static void
call_once(void (**function)(void))
{
  if (between_steps)
    between_steps();
  void (*now)(void) = *function;
  if (!now)
    return;
  *function = NULL;
  now();
}

/* What one writer adds, others may read at any time. */
static void
add(_Atomic int64_t *counter, int64_t n)
{
  atomic_store_explicit(counter,
                        atomic_load_explicit(counter, memory_order_relaxed) + n,
                        memory_order_relaxed);
}

static uint32_t
look_up(unsigned thread, unsigned stack, uint32_t generation)
{
  unsigned place = stack % MEMO;
  /* No stack is remembered in generation 0. */
  if (memo[thread][place].stack == stack && generation != 0 &&
      memo[thread][place].generation == generation)
    return memo[thread][place].callsite;
  uint32_t callsite = find_stack(stack);
  if (!dm_callsites_may_improve(callsite))
  {
    memo[thread][place].stack = stack;
    memo[thread][place].generation = generation;
    memo[thread][place].callsite = callsite;
  }
  return callsite;
}

static void
count(unsigned thread, uint32_t callsite, int64_t sign, int64_t size)
{
  add(&cells[thread][callsite].allocations, sign);
  add(&cells[thread][callsite].allocated, sign * size);
}

/* On this machine the stores stay in order by themselves; the compiler must not
   move them behind the load. (The thread sanitizer's machine has no barrier
   that another thread makes; it sees atomics only, and races of plain words.)
 */
static uint32_t
look_again(void)
{
  atomic_signal_fence(memory_order_seq_cst);
  return atomic_load_explicit(&dm_callsites_generation, memory_order_acquire);
}

struct block
allocate(unsigned thread, unsigned stack)
{
  uint32_t generation = look_again();
  struct block block = {stack, look_up(thread, stack, generation)};
  call_once(&before_counting);
  count(thread, block.callsite, 1, stack);
  call_once(&before_second_look);
  uint32_t now;
  while ((now = look_again()) != generation)
  {
    uint32_t callsite = look_up(thread, stack, generation = now);
    if (callsite == block.callsite)
      continue;
    count(thread, callsite, 1, stack);
    count(thread, block.callsite, -1, stack);
    block.callsite = callsite;
  }
  return block;
}

void
release(unsigned thread, struct block block)
{
  add(&cells[thread][block.callsite].frees, 1);
  add(&cells[thread][block.callsite].freed, block.stack);
}

/* --------------------------------------------------------------------------
   The dump's side. */

static struct sums summed[RIG_CAP + 1], base[RIG_CAP + 1], reclaimed;
unsigned sums_made;
void (*while_summing)(void);

static int64_t
sum_of(uint32_t site, size_t counter)
{
  int64_t sum = 0;
  for (unsigned thread = 0; thread < RIG_THREADS; thread++)
    sum += atomic_load_explicit(&(&cells[thread][site].allocations)[counter],
                                memory_order_acquire);
  return sum;
}

/* The three passes, over all numbers that ONLY says. */
static void
sum_cells(bool (*only)(uint32_t number))
{
  uint32_t used = dm_callsites_used();
  for (uint32_t i = 0; i <= used; i++)
    if (only(i))
      summed[i].frees = sum_of(i, 1);
  for (uint32_t i = 0; i <= used; i++)
    if (only(i))
      summed[i].allocations = sum_of(i, 0);
  for (uint32_t i = 0; i <= used; i++)
    if (only(i))
    {
      summed[i].freed = sum_of(i, 3);
      summed[i].allocated = sum_of(i, 2);
    }
}

static bool
every(uint32_t number)
{
  (void) number;
  return true;
}

void
sum_ledgers(void)
{
  sum_cells(every);
}

static struct sums
difference(struct sums a, struct sums b)
{
  return (struct sums){a.allocations - b.allocations, a.frees - b.frees,
                       a.allocated - b.allocated, a.freed - b.freed};
}

struct sums
sums_of(uint32_t callsite)
{
  return difference(summed[callsite], base[callsite]);
}

struct sums
sums_of_reclaimed(void)
{
  return reclaimed;
}

static enum dm_callsite_worth
worth(uint32_t number, void *books)
{
  (void) books;
  struct sums sums = sums_of(number);
  return sums.allocations != sums.frees ? DM_WORTH_LIVE
         : sums.allocations > 1         ? DM_WORTH_USED
                                        : DM_WORTH_ONCE;
}

static void
sum_withdrawn(void *books)
{
  (void) books;
  sums_made++;
  sum_cells(dm_callsite_is_withdrawn);
  if (while_summing)
    while_summing();
  while_summing = NULL;
}

static bool
is_dead(uint32_t number, void *books)
{
  (void) books;
  struct sums sums = summed[number];
  return sums.allocations == sums.frees && sums.allocated == sums.freed;
}

static void
take_base(uint32_t number, void *books)
{
  (void) books;
  struct sums gone = sums_of(number);
  reclaimed.allocations += gone.allocations;
  reclaimed.frees += gone.frees;
  reclaimed.allocated += gone.allocated;
  reclaimed.freed += gone.freed;
  base[number] = summed[number];
}

uint32_t
reclaim(void)
{
  static const struct dm_reclaim_books books = {
      .worth = worth,
      .sum = sum_withdrawn,
      .is_dead = is_dead,
      .reclaimed = take_base,
  };
  sum_ledgers();
  return dm_callsites_reclaim(&books);
}
