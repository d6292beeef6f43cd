/* figures.c -- what each callsite comes to over all ledgers. */

#include "dump/figures.h"

#include <stdatomic.h>

#include "base/sys.h"
#include "books/callsites.h"
#include "dump/reclaim.h"

/* The second that a callsite's cell is at, in which ledger. */
struct at
{
  uint32_t ledger, second;
};

/* By callsite number: the figures, what the live bytes were at the dump before,
   and where the cell is that was read last. They grow with the table and are
   then mapped anew. */
static struct dm_callsite_figures *figures;
static int64_t *former_bytes;
static struct at *seconds;
static uint32_t capacity;

static void
unmap(void *start, size_t length)
{
  if (start)
    dm_sys_unmap(start, length);
}

/* Takes these tables of WANTED callsites for the old ones. The program may fork
   after any of these steps, and the child's next dump uses what there is: so
   the old ones go last, and no table is ever smaller than CAPACITY says. */
static void
replace_tables(struct dm_callsite_figures *new_figures, int64_t *new_former,
               struct at *new_seconds, uint32_t wanted)
{
  struct dm_callsite_figures *old_figures = figures;
  int64_t *old_former = former_bytes;
  struct at *old_seconds = seconds;
  uint32_t old = capacity;
  figures = new_figures;
  former_bytes = new_former;
  seconds = new_seconds;
  atomic_signal_fence(memory_order_seq_cst);
  capacity = wanted;
  unmap(old_figures, old * sizeof *old_figures);
  unmap(old_former, old * sizeof *old_former);
  unmap(old_seconds, old * sizeof *old_seconds);
}

bool
dm_figures_make_room(uint32_t used)
{
  if (used < capacity)
    return true;
  uint32_t wanted = capacity ? capacity : 256;
  while (wanted <= used)
    wanted *= 2;
  struct dm_callsite_figures *new_figures =
      dm_sys_map(wanted * sizeof *new_figures);
  int64_t *new_former = dm_sys_map(wanted * sizeof *new_former);
  struct at *new_seconds = dm_sys_map(wanted * sizeof *new_seconds);
  if (!new_figures || !new_former || !new_seconds)
  {
    unmap(new_figures, wanted * sizeof *new_figures);
    unmap(new_former, wanted * sizeof *new_former);
    unmap(new_seconds, wanted * sizeof *new_seconds);
    return false;
  }
  for (uint32_t i = 0; i < capacity; i++)
    new_former[i] = former_bytes[i];
  replace_tables(new_figures, new_former, new_seconds, wanted);
  return true;
}

/* The second of the moment, the numbers that there were, and the ledger that is
   being read, counted from 1. */
struct moment
{
  uint32_t now, used, ledger;
};

static void
add_live(struct dm_callsite_figures *to, uint32_t age, struct dm_row row)
{
  struct dm_live *live = &to->ages[dm_age_row(age)];
  live->count += (int64_t) row.count;
  live->bytes += (int64_t) row.bytes;
  to->births[dm_birth_slot(age)] += (int32_t) row.count;
}

/* Adds the blocks of CALLSITE born in BIRTH, unless they were those of its
   cell's second: these are added already. */
static void
see_births(void *arg, uint32_t callsite, uint32_t birth, struct dm_row live)
{
  const struct moment *moment = arg;
  if (callsite > moment->used ||
      (seconds[callsite].ledger == moment->ledger &&
       seconds[callsite].second == birth))
    return;
  uint32_t age =
      birth == DM_BIRTH_OLDER ? DM_AGE_SLICES : dm_age(moment->now, birth);
  add_live(&figures[callsite], age, live);
}

static void
add_cell(const struct dm_ledger *ledger, const struct dm_cell *cell,
         uint32_t number, const struct moment *moment)
{
  struct dm_callsite_figures *to = &figures[number];
  struct at *at = &seconds[number];
  struct dm_row youngest = dm_ledger_youngest(ledger, cell, &at->second);
  at->ledger = moment->ledger;
  if (at->second != DM_SECOND_NEVER)
    add_live(to, dm_age(moment->now, at->second), youngest);

  /* After the live blocks: what is allocated meanwhile shows as freed again. */
  struct dm_sums sums = {0};
  dm_cell_add(&sums, cell);
  to->allocations += sums.allocations;
  to->allocated_bytes += sums.allocated_bytes;
  to->grown_bytes += sums.grown_bytes;
  to->in_place += sums.in_place;
  to->moved += sums.moved;
  /* A block that reached an age reached all lower ones. */
  uint64_t reached = 0;
  for (unsigned row = DM_AGE_ROWS - 1; row > 0; row--)
    to->survived[row - 1] += reached += sums.frees[row];
}

static void
add_ledger(const struct dm_ledger *ledger, struct moment *moment)
{
  const struct dm_cell *cell;
  for (uint32_t i = 0; (cell = dm_ledger_next_cell(ledger, &i, moment->used));
       i++)
    add_cell(ledger, cell, i, moment);
  dm_births_visit(&ledger->births, see_births, moment);
}

/* Fills the figures with all ledgers. Returns false when counts were moving
   from one place to another meanwhile. */
static bool
add_ledgers(struct moment *moment)
{
  bool still = true;
  for (uint32_t i = 0; i <= moment->used; i++)
  {
    figures[i] = (struct dm_callsite_figures){.number = i};
    seconds[i].ledger = 0;
  }
  moment->ledger = 0;
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    moment->ledger++;
    uint32_t sequence = dm_births_sequence(&ledger->births);
    add_ledger(ledger, moment);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    still = still && sequence % 2 == 0 &&
            sequence == dm_births_sequence(&ledger->births);
  }
  return still;
}

/* Adds up what the figures of one callsite imply. */
static void
sum_callsite(struct dm_callsite_figures *site)
{
  uint64_t reached = 0;
  for (unsigned row = DM_AGE_ROWS; row-- > 0;)
  {
    site->live.count += site->ages[row].count;
    site->live.bytes += site->ages[row].bytes;
    reached += (uint64_t) site->ages[row].count;
    if (row > 0)
      site->survived[row - 1] += reached;
  }
  for (unsigned slot = 0; slot < DM_BIRTH_SLOTS; slot++)
    site->generations += site->births[slot] > 0;
  /* A block can be seen in the births before it is seen in its cell. */
  if ((int64_t) site->allocations < site->live.count)
    site->allocations = (uint64_t) site->live.count;
  site->frees = site->allocations - (uint64_t) site->live.count;
  site->growth = site->live.bytes - former_bytes[site->number];
}

struct dm_callsite_figures *
dm_figures_sum(uint32_t used, uint32_t now)
{
  enum
  {
    ATTEMPTS = 5
  };
  struct moment moment = {.now = now, .used = used};
  for (unsigned i = 0; i < ATTEMPTS && !add_ledgers(&moment); i++)
    ;
  for (uint32_t i = 0; i <= used; i++)
    sum_callsite(&figures[i]);
  return figures;
}

void
dm_figures_subtract_base(struct dm_callsite_figures *site)
{
  const struct dm_sums *base = dm_reclaim_base(site->number);
  site->allocations -= base->allocations;
  site->allocated_bytes -= base->allocated_bytes;
  site->frees -= dm_sums_frees(base);
  site->in_place -= base->in_place;
  site->moved -= base->moved;
  site->grown_bytes -= base->grown_bytes;
  uint64_t reached = 0;
  for (unsigned row = DM_AGE_ROWS - 1; row > 0; row--)
    site->survived[row - 1] -= reached += base->frees[row];
}

void
dm_figures_remember(uint32_t used)
{
  for (uint32_t i = 0; i <= used; i++)
    former_bytes[i] = figures[i].live.bytes;
}

void
dm_figures_forget(uint32_t number)
{
  if (number < capacity)
    former_bytes[number] = 0;
}
