/* reclaim.c -- numbers of callsites that hold nothing, given to other
   stacks. */

#include "dump/reclaim.h"

#include "base/clock.h"
#include "base/sys.h"
#include "books/callsites.h"

/* What a callsite comes to, in brief. */
struct brief
{
  uint64_t allocations, frees, live_bytes;
};

/* By number: what all came to at the begin of the last round; what those that
   were withdrawn then came to; and what the predecessors came to. Mapped at the
   first round; a page counts when a number on it is needed, so the last is not
   even read where no number was reclaimed. */
static struct brief *briefs;
static struct dm_sums *sums, *bases;
static bool *has_base;

static void (*forget_number)(uint32_t number);

/* The last round: the numbers in use after it, its second, and how many seconds
   may pass until the next one. */
static struct
{
  uint32_t in_use, second, pause;
} last = {.pause = 1};
enum
{
  PAUSE_MAX = 16 /* seconds */
};

/* Rounds in which what is in use took turns. */
static uint32_t turns;

static bool
make_room(void)
{
  size_t numbers = (size_t) dm_callsites_cap() + 1;
  if (!briefs)
    briefs = dm_sys_map(numbers * sizeof *briefs);
  if (briefs && !sums)
    sums = dm_sys_map(numbers * sizeof *sums);
  if (sums && !bases)
    bases = dm_sys_map(numbers * sizeof *bases);
  if (bases && !has_base)
    has_base = dm_sys_map(numbers * sizeof *has_base);
  return has_base;
}

/* Adds up the cells of all ledgers in brief. What comes and goes meanwhile may
   be missing in part: that costs time only. */
static void
sum_briefly(void)
{
  uint32_t used = dm_callsites_used();
  for (uint32_t i = 1; i <= used; i++)
    briefs[i] = (struct brief){0};
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    const struct dm_cell *cell;
    for (uint32_t i = 1; (cell = dm_ledger_next_cell(ledger, &i, used)); i++)
    {
      struct dm_sums one = {0};
      dm_cell_add(&one, cell);
      briefs[i].allocations += one.allocations;
      briefs[i].frees += dm_sums_frees(&one);
      briefs[i].live_bytes += dm_sums_live_bytes(&one);
    }
  }
}

/* Adds a PART of the cells of all ledgers that are being reclaimed. */
static void
add(void (*part)(struct dm_sums *, const struct dm_cell *))
{
  uint32_t used = dm_callsites_used();
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    const struct dm_cell *cell;
    for (uint32_t i = 1; (cell = dm_ledger_next_cell(ledger, &i, used)); i++)
      if (dm_callsite_is_withdrawn(i))
        part(&sums[i], cell);
  }
}

/* ------------------------------------------------------------------------
   What the table asks. */

/* Whether what is in use makes room: where more stacks come again and again than
   there are numbers, and hardly one was freed for long, an eighth of them goes,
   another each time. Else a leak that begins then would never get its name. */
static bool
is_time_for_turns(void)
{
  return last.pause == PAUSE_MAX;
}

static bool
is_its_turn(uint32_t number)
{
  enum
  {
    PARTS = 8
  };
  return is_time_for_turns() && (number + turns) % PARTS == 0;
}

static enum dm_callsite_worth
worth(uint32_t number, void *unused)
{
  (void) unused;
  const struct brief *brief = &briefs[number];
  if (brief->allocations != brief->frees || brief->live_bytes != 0)
    return DM_WORTH_LIVE;
  uint64_t had = brief->allocations - dm_reclaim_base(number)->allocations;
  return had > 2 && !is_its_turn(number) ? DM_WORTH_USED : DM_WORTH_ONCE;
}

static void
sum_withdrawn(void *unused)
{
  (void) unused;
  uint32_t used = dm_callsites_used();
  for (uint32_t i = 1; i <= used; i++)
    if (dm_callsite_is_withdrawn(i))
      sums[i] = (struct dm_sums){0};
  add(dm_cell_add_frees);
  add(dm_cell_add_allocations);
}

static bool
is_dead(uint32_t number, void *unused)
{
  (void) unused;
  return sums[number].allocations == dm_sums_frees(&sums[number]) &&
         dm_sums_live_bytes(&sums[number]) == 0;
}

static void
reclaimed(uint32_t number, void *unused)
{
  (void) unused;
  bases[number] = sums[number];
  has_base[number] = true;
  forget_number(number);
}

/* Numbers enough to do something about it: at least one, for none is no
   reason. */
static uint32_t
many(void)
{
  uint32_t part = dm_callsites_cap() / 32;
  return part > 0 ? part : 1;
}

/* Whether many were taken since the last call. */
static bool
fills_quickly(uint32_t in_use)
{
  static uint32_t former;
  bool quickly = in_use > former + many();
  former = in_use;
  return quickly;
}

/* Whether it is time for a round. Each makes all threads forget the stacks that
   they remember, which costs them a walk for each: so there is none while few
   numbers are taken, at most one a second while there is room, and where there
   is none ever fewer as long as they free little. */
static bool
is_due(uint32_t in_use)
{
  uint32_t now = dm_clock_slice();
  bool grew = in_use >= last.in_use + many();
  return dm_callsites_pressed() &&
         (dm_callsites_have_room() ? grew && now > last.second
                                   : grew || now >= last.second + last.pause);
}

static void
note_round(uint32_t freed)
{
  if (is_time_for_turns())
    turns++;
  last.in_use = dm_callsites_figures().in_use;
  last.second = dm_clock_slice();
  if (freed >= many() || dm_callsites_have_room())
    last.pause = 1;
  else if (last.pause < PAUSE_MAX)
    last.pause *= 2;
}

bool
dm_reclaim(void (*forget)(uint32_t number))
{
  static const struct dm_reclaim_books books = {
      .worth = worth,
      .sum = sum_withdrawn,
      .is_dead = is_dead,
      .reclaimed = reclaimed,
  };
  uint32_t in_use = dm_callsites_figures().in_use;
  bool quickly = fills_quickly(in_use);
  if (!is_due(in_use) || !make_room())
    return quickly;
  forget_number = forget;
  sum_briefly();
  uint32_t freed = dm_callsites_reclaim(&books);
  note_round(freed);
  return quickly || (freed > 0 && !dm_callsites_have_room());
}

const struct dm_sums *
dm_reclaim_base(uint32_t number)
{
  static const struct dm_sums none;
  return has_base && has_base[number] ? &bases[number] : &none;
}
