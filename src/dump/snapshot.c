/* snapshot.c -- one moment's figures. */

#include "dump/snapshot.h"

#include "base/clock.h"
#include "base/sys.h"
#include "books/callsites.h"
#include "dump/heap_select.h"
#include "dump/judge.h"

/* Figures by callsite number, and what each callsite's live bytes were at the
   dump before. Both grow with the table and are then mapped anew. */
static struct dm_callsite_figures *figures;
static int64_t *former_bytes;
static uint32_t capacity;

static void
unmap(void *start, size_t length)
{
  if (start)
    dm_sys_unmap(start, length);
}

/* Makes room for numbers 0 to USED. */
static bool
make_room(uint32_t used)
{
  if (used < capacity)
    return true;
  uint32_t wanted = capacity ? capacity : 1024;
  while (wanted <= used)
    wanted *= 2;
  struct dm_callsite_figures *new_figures =
      dm_sys_map(wanted * sizeof *new_figures);
  int64_t *new_former = dm_sys_map(wanted * sizeof *new_former);
  if (!new_figures || !new_former)
  {
    unmap(new_figures, wanted * sizeof *new_figures);
    unmap(new_former, wanted * sizeof *new_former);
    return false;
  }
  for (uint32_t i = 0; i < capacity; i++)
    new_former[i] = former_bytes[i];
  unmap(figures, capacity * sizeof *figures);
  unmap(former_bytes, capacity * sizeof *former_bytes);
  figures = new_figures;
  former_bytes = new_former;
  capacity = wanted;
  return true;
}

static void
add_cell(struct dm_callsite_figures *to, const struct dm_cell *cell)
{
  /* Frees first: a block that is allocated and freed meanwhile then shows as
     live, not as less than nothing. */
  uint64_t frees = dm_counter_read(&cell->frees);
  uint64_t freed = dm_counter_read(&cell->freed_bytes);
  uint64_t shrunk = dm_counter_read(&cell->shrunk_bytes);
  uint64_t grown = dm_counter_read(&cell->grown_bytes);
  uint64_t allocations = dm_counter_read(&cell->allocations);
  uint64_t allocated = dm_counter_read(&cell->allocated_bytes);
  to->allocations += allocations;
  to->allocated_bytes += allocated;
  to->frees += frees;
  to->grown_bytes += grown;
  to->in_place += dm_counter_read(&cell->in_place);
  to->moved += dm_counter_read(&cell->moved);
  to->live.count += (int64_t) (allocations - frees);
  to->live.bytes += (int64_t) (allocated + grown - shrunk - freed);
}

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
add_rows(struct dm_live *to, const struct dm_row *from, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
  {
    to[i].count += (int64_t) dm_counter_read(&from[i].count);
    to[i].bytes += (int64_t) dm_counter_read(&from[i].bytes);
  }
}

/* Adds the cells of LEDGER to SITES, by number; when that is NULL, all to the
   one at SUM. */
static void
add_cells(const struct dm_ledger *ledger, uint32_t used,
          struct dm_callsite_figures *sites, struct dm_callsite_figures *sum)
{
  for (uint32_t first = 0; first <= used; first += DM_CELLS_PER_CHUNK)
  {
    const struct dm_cell *cells = dm_ledger_cell(ledger, first);
    for (uint32_t i = 0; cells && i < DM_CELLS_PER_CHUNK && first + i <= used;
         i++)
      add_cell(sites ? &sites[first + i] : sum, &cells[i]);
  }
}

static void
add_totals(struct dm_snapshot *snapshot, const struct dm_callsite_figures *site)
{
  snapshot->allocations += site->allocations;
  snapshot->allocated_bytes += site->allocated_bytes;
  snapshot->frees += site->frees;
  snapshot->in_place += site->in_place;
  snapshot->moved += site->moved;
  snapshot->live.count += site->live.count;
  snapshot->live.bytes += site->live.bytes;
}

static void
find_peak(struct dm_snapshot *snapshot)
{
  int64_t live = snapshot->live.bytes;
  snapshot->peak_bytes = dm_ledger_peak(live > 0 ? (uint64_t) live : 0);
}

/* Sums the cells of all ledgers to SITES, or when that is NULL to one. */
static void
sum_cells(struct dm_snapshot *snapshot, uint32_t used,
          struct dm_callsite_figures *sites)
{
  struct dm_callsite_figures sum = {0};
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
    add_cells(ledger, used, sites, &sum);
  for (uint32_t i = 0; sites && i <= used; i++)
    add_totals(snapshot, &sites[i]);
  add_totals(snapshot, &sum);
  find_peak(snapshot);
}

void
dm_snapshot_totals(struct dm_snapshot *snapshot)
{
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
    add_mishaps(&snapshot->mishaps, &ledger->mishaps);
  sum_cells(snapshot, dm_callsites_used(), NULL);
}

static void
add_ledger(struct dm_snapshot *snapshot, const struct dm_ledger *ledger,
           uint32_t now)
{
  snapshot->ledgers++;
  add_mishaps(&snapshot->mishaps, &ledger->mishaps);
  add_rows(snapshot->sizes, ledger->sizes, DM_SIZE_ROWS);
  struct dm_row ages[DM_AGE_ROWS] = {{0, 0}};
  dm_ages_sum(&ledger->ages, now, ages);
  add_rows(snapshot->ages, ages, DM_AGE_ROWS);
}

/* The order of the list: what the reader should see first is greatest. Ties go
   to the lower number, so that two dumps list alike. */
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
  return left_key != right_key ? left_key > right_key
                               : left->number < right->number;
}

/* Moves the named callsites that can be listed to the front, and sorts them as
   far as they are. */
static void
list_callsites(struct dm_snapshot *snapshot, uint32_t used, uint32_t top,
               uint64_t min_age_s, uint32_t now)
{
  for (uint32_t i = 0; i <= used; i++)
  {
    figures[i].growth = figures[i].live.bytes - former_bytes[i];
    former_bytes[i] = figures[i].live.bytes;
  }
  snapshot->other = figures[DM_CALLSITE_OTHER].live;
  snapshot->top = figures + 1;
  uint32_t count = dm_judge(snapshot, snapshot->top, used, now, min_age_s);
  snapshot->listed = top < count ? top : count;
  dm_heap_select(snapshot->top, count, sizeof *figures, snapshot->listed,
                 before, (int) snapshot->sort);
}

bool
dm_snapshot_take(struct dm_snapshot *snapshot, int top, enum dm_sort sort,
                 uint64_t min_age_s)
{
  uint32_t now = dm_clock_age_zero();
  uint32_t used = dm_callsites_used();
  bool room = make_room(used);
  snapshot->callsites_cap = dm_callsites_cap();
  snapshot->callsites_used = used;
  snapshot->stacks_cut = dm_callsites_cut();
  snapshot->sort = sort;
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
    add_ledger(snapshot, ledger, now);
  for (uint32_t i = 0; room && i <= used; i++)
    figures[i] = (struct dm_callsite_figures){.number = i};
  sum_cells(snapshot, used, room ? figures : NULL);
  if (room)
    list_callsites(snapshot, used, (uint32_t) top, min_age_s, now);
  else
    snapshot->degraded = "no memory for the figures of a dump";
  snapshot->table_bytes = dm_sys_mapped_bytes();
  return room;
}
