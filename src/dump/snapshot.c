/* snapshot.c -- one moment's figures. */

#include "dump/snapshot.h"

#include "base/clock.h"
#include "base/sys.h"
#include "books/callsites.h"
#include "dump/figures.h"
#include "dump/heap_select.h"
#include "dump/history.h"
#include "dump/judge.h"
#include "dump/suppress.h"

static void
add_mishaps(struct dm_mishaps *to, const struct dm_mishaps *from)
{
  /* All counters, in any order. */
  uint64_t *sum = (uint64_t *) to;
  const uint64_t *counter = (const uint64_t *) from;
  for (unsigned i = 0; i < sizeof *to / sizeof *sum; i++)
    sum[i] += dm_counter_read(&counter[i]);
}

static void
add_sizes(struct dm_snapshot *snapshot, const struct dm_row *powers)
{
  for (unsigned power = 1; power < DM_SIZE_POWERS; power++)
  {
    struct dm_live *row = &snapshot->sizes[dm_size_power_row(power)];
    row->count += (int64_t) dm_counter_read(&powers[power].count);
    row->bytes += (int64_t) dm_counter_read(&powers[power].bytes);
  }
}

/* ------------------------------------------------------------------------
   Totals. */

static void
add_totals(struct dm_snapshot *snapshot, const struct dm_sums *sums)
{
  snapshot->allocations = sums->allocations;
  snapshot->allocated_bytes = sums->allocated_bytes;
  snapshot->in_place = sums->in_place;
  snapshot->moved = sums->moved;
  snapshot->frees = dm_sums_frees(sums);
  snapshot->live.count = (int64_t) (snapshot->allocations - snapshot->frees);
  snapshot->live.bytes = (int64_t) dm_sums_live_bytes(sums);
}

static void
find_peak(struct dm_snapshot *snapshot)
{
  int64_t live = snapshot->live.bytes;
  snapshot->peak_bytes = dm_ledger_peak(live > 0 ? (uint64_t) live : 0);
}

/* Adds a PART of all cells of all ledgers. */
static void
add_part(struct dm_sums *to,
         void (*part)(struct dm_sums *, const struct dm_cell *))
{
  uint32_t used = dm_callsites_used();
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    const struct dm_cell *cell;
    for (uint32_t i = 0; (cell = dm_ledger_next_cell(ledger, &i, used)); i++)
      part(to, cell);
  }
}

static void
add_all_cells(struct dm_snapshot *snapshot)
{
  struct dm_sums sums = {0};
  add_part(&sums, dm_cell_add_frees);
  /* The second look sees all ledgers and cells that the first one saw. */
  add_part(&sums, dm_cell_add_allocations);
  add_totals(snapshot, &sums);
}

void
dm_snapshot_totals(struct dm_snapshot *snapshot)
{
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
    add_mishaps(&snapshot->mishaps, &ledger->mishaps);
  add_all_cells(snapshot);
  find_peak(snapshot);
}

/* ------------------------------------------------------------------------
   By callsite. */

/* Adds SITE to the whole. */
static void
add_to_whole(struct dm_snapshot *snapshot,
             const struct dm_callsite_figures *site)
{
  snapshot->allocations += site->allocations;
  snapshot->allocated_bytes += site->allocated_bytes;
  snapshot->frees += site->frees;
  snapshot->in_place += site->in_place;
  snapshot->moved += site->moved;
  snapshot->live.count += site->live.count;
  snapshot->live.bytes += site->live.bytes;
  for (unsigned row = 0; row < DM_AGE_ROWS; row++)
  {
    snapshot->ages[row].count += site->ages[row].count;
    snapshot->ages[row].bytes += site->ages[row].bytes;
  }
}

static struct dm_callsite_figures *
take_figures(struct dm_snapshot *snapshot, uint32_t used, uint32_t now)
{
  struct dm_callsite_figures *figures = dm_figures_sum(used, now);
  for (uint32_t i = 0; i <= used; i++)
  {
    add_to_whole(snapshot, &figures[i]);
    dm_figures_subtract_base(&figures[i]);
  }
  return figures;
}

/* The order of the list: what the reader should see first is greatest. Among
   equals, as all are by age in the first minutes, that is who holds most; then
   the lower number, so that two dumps list alike. */
static int64_t
sort_key(const struct dm_callsite_figures *site, enum dm_sort sort)
{
  switch (sort)
  {
  case DM_SORT_COUNT:
    return site->counted.count;
  case DM_SORT_OLD:
    return site->ages[3].bytes + site->ages[4].bytes;
  case DM_SORT_GROWTH:
    return site->growth;
  default:
    return site->counted.bytes;
  }
}

static bool
before(const void *a, const void *b, int sort)
{
  const struct dm_callsite_figures *left = a, *right = b;
  int64_t left_key = sort_key(left, (enum dm_sort) sort);
  int64_t right_key = sort_key(right, (enum dm_sort) sort);
  if (left_key != right_key)
    return left_key > right_key;
  if (left->counted.bytes != right->counted.bytes)
    return left->counted.bytes > right->counted.bytes;
  return left->number < right->number;
}

/* Moves the named callsites that can be listed to the front, and sorts them as
   far as they are. */
static void
list_callsites(struct dm_snapshot *snapshot, uint32_t used, uint32_t top,
               uint64_t min_age_s, uint32_t now)
{
  struct dm_callsite_figures *figures = take_figures(snapshot, used, now);
  dm_figures_remember(used);
  snapshot->other = figures[DM_CALLSITE_OTHER].live;
  snapshot->top = figures + 1;
  uint32_t count = dm_judge(snapshot, snapshot->top, used, now, min_age_s);
  snapshot->listed = top < count ? top : count;
  dm_heap_select(snapshot->top, count, sizeof *figures, snapshot->listed,
                 before, (int) snapshot->sort);
}

/* ------------------------------------------------------------------------
   Without memory for figures by callsite. */

static void
see_age(void *arg, uint32_t callsite, uint32_t birth, struct dm_row live)
{
  struct dm_snapshot *snapshot = arg;
  (void) callsite;
  uint32_t age = birth == DM_BIRTH_OLDER ? DM_AGE_SLICES
                                         : dm_age(dm_clock_age_zero(), birth);
  snapshot->ages[dm_age_row(age)].count += (int64_t) live.count;
  snapshot->ages[dm_age_row(age)].bytes += (int64_t) live.bytes;
}

/* The births, and what the cells have not filed yet. */
static void
add_ages(struct dm_snapshot *snapshot, uint32_t used)
{
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    dm_births_visit(&ledger->births, see_age, snapshot);
    const struct dm_cell *cell;
    for (uint32_t i = 0; (cell = dm_ledger_next_cell(ledger, &i, used)); i++)
    {
      uint32_t second;
      struct dm_row young = dm_ledger_youngest(ledger, cell, &second);
      struct dm_row filed = dm_births_look(&ledger->births, i, second);
      see_age(snapshot, i, second,
              (struct dm_row){young.count - filed.count,
                              young.bytes - filed.bytes});
    }
  }
}

/* ------------------------------------------------------------------------
   All of it. */

/* What the ledgers tell besides their cells and births. */
static void
add_rest(struct dm_snapshot *snapshot)
{
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    snapshot->ledgers++;
    snapshot->coarse_ledgers += ledger->births.steps > 0;
    add_mishaps(&snapshot->mishaps, &ledger->mishaps);
    add_sizes(snapshot, ledger->sizes);
  }
}

void
dm_snapshot_init(void)
{
  dm_figures_make_room(0);
}

void
dm_snapshot_look(void)
{
  static struct dm_snapshot unused;
  uint32_t used = dm_callsites_used(), now = dm_clock_age_zero();
  if (!dm_figures_make_room(used))
    return;
  dm_judge_look(take_figures(&unused, used, now) + 1, used, now);
}

void
dm_snapshot_forget(uint32_t number)
{
  dm_figures_forget(number);
  dm_history_forget(number);
  dm_suppress_forget(number);
}

bool
dm_snapshot_take(struct dm_snapshot *snapshot, int top, enum dm_sort sort,
                 uint64_t min_age_s)
{
  uint32_t used = dm_callsites_used();
  bool room = dm_figures_make_room(used);
  snapshot->callsites_cap = dm_callsites_cap();
  snapshot->table = dm_callsites_figures();
  snapshot->sort = sort;
  if (room)
  {
    uint32_t now = dm_clock_age_zero();
    list_callsites(snapshot, used, (uint32_t) top, min_age_s, now);
  }
  else
  {
    add_all_cells(snapshot);
    add_ages(snapshot, used);
    snapshot->degraded = "no memory for the figures of a dump";
  }
  find_peak(snapshot);
  add_rest(snapshot);
  snapshot->table_bytes = dm_sys_mapped_bytes();
  return room;
}
