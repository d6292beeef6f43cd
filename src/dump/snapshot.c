/* snapshot.c -- one moment's figures. */

#include "dump/snapshot.h"

#include "base/clock.h"
#include "base/sys.h"
#include "books/callsites.h"
#include "dump/heap_select.h"
#include "dump/history.h"
#include "dump/judge.h"
#include "dump/reclaim.h"
#include "dump/suppress.h"

/* By callsite number: the figures, what the live bytes were at the dump before,
   and the second that the cell in the ledger being read is at. They grow with
   the table and are then mapped anew. */
static struct dm_callsite_figures *figures;
static int64_t *former_bytes;
static uint32_t *seconds;
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
  uint32_t wanted = capacity ? capacity : 256;
  while (wanted <= used)
    wanted *= 2;
  struct dm_callsite_figures *new_figures =
      dm_sys_map(wanted * sizeof *new_figures);
  int64_t *new_former = dm_sys_map(wanted * sizeof *new_former);
  uint32_t *new_seconds = dm_sys_map(wanted * sizeof *new_seconds);
  if (!new_figures || !new_former || !new_seconds)
  {
    unmap(new_figures, wanted * sizeof *new_figures);
    unmap(new_former, wanted * sizeof *new_former);
    unmap(new_seconds, wanted * sizeof *new_seconds);
    return false;
  }
  for (uint32_t i = 0; i < capacity; i++)
    new_former[i] = former_bytes[i];
  unmap(figures, capacity * sizeof *figures);
  unmap(former_bytes, capacity * sizeof *former_bytes);
  unmap(seconds, capacity * sizeof *seconds);
  figures = new_figures;
  former_bytes = new_former;
  seconds = new_seconds;
  capacity = wanted;
  return true;
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

static void
add_all_cells(struct dm_snapshot *snapshot)
{
  struct dm_sums sums = {0};
  uint32_t used = dm_callsites_used();
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
    for (uint32_t i = 0; i <= used; i++)
    {
      const struct dm_cell *cell = dm_ledger_cell(ledger, i);
      if (cell)
        dm_cell_add(&sums, cell);
      else
        i |= DM_CELLS_PER_CHUNK - 1; /* the whole chunk is not there */
    }
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

/* The second of the moment, and the numbers that there were. */
struct moment
{
  uint32_t now, used;
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
  if (callsite > moment->used || birth == seconds[callsite])
    return;
  uint32_t age =
      birth == DM_BIRTH_OLDER ? DM_AGE_SLICES : dm_age(moment->now, birth);
  add_live(&figures[callsite], age, live);
}

static void
add_cell(const struct dm_ledger *ledger, const struct dm_cell *cell,
         uint32_t number, uint32_t now)
{
  struct dm_callsite_figures *to = &figures[number];
  struct dm_row youngest = dm_ledger_youngest(ledger, cell, &seconds[number]);
  if (seconds[number] != DM_SECOND_NEVER)
    add_live(to, dm_age(now, seconds[number]), youngest);

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

static bool
is_touched(const struct dm_cell *cell)
{
  return dm_label_second(dm_counter_read(&cell->label)) != DM_SECOND_NEVER ||
         __atomic_load_n(&cell->late, __ATOMIC_RELAXED);
}

static void
add_ledger(const struct dm_ledger *ledger, struct moment *moment)
{
  for (uint32_t i = 0; i <= moment->used; i++)
  {
    const struct dm_cell *cell = dm_ledger_cell(ledger, i);
    seconds[i] = DM_SECOND_NEVER;
    if (cell && is_touched(cell))
      add_cell(ledger, cell, i, moment->now);
  }
  dm_births_visit(&ledger->births, see_births, moment);
}

/* Fills the figures with all ledgers. Returns false when counts were moving
   from one place to another meanwhile. */
static bool
add_ledgers(struct moment *moment)
{
  bool still = true;
  for (uint32_t i = 0; i <= moment->used; i++)
    figures[i] = (struct dm_callsite_figures){.number = i};
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    uint32_t sequence = dm_births_sequence(&ledger->births);
    add_ledger(ledger, moment);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    still = still && sequence % 2 == 0 &&
            sequence == dm_births_sequence(&ledger->births);
  }
  return still;
}

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

/* Takes from SITE what is its predecessors'. */
static void
subtract_base(struct dm_callsite_figures *site)
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

/* Adds up what the figures of one callsite imply, and it to the whole. */
static void
sum_callsite(struct dm_snapshot *snapshot, struct dm_callsite_figures *site)
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
  add_to_whole(snapshot, site);
  subtract_base(site);
}

static void
take_figures(struct dm_snapshot *snapshot, uint32_t used, uint32_t now)
{
  enum
  {
    ATTEMPTS = 5
  };
  struct moment moment = {.now = now, .used = used};
  for (unsigned i = 0; i < ATTEMPTS && !add_ledgers(&moment); i++)
    ;
  for (uint32_t i = 0; i <= used; i++)
    sum_callsite(snapshot, &figures[i]);
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
    for (uint32_t i = 0; i <= used; i++)
    {
      const struct dm_cell *cell = dm_ledger_cell(ledger, i);
      if (!cell || !is_touched(cell))
        continue;
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
  make_room(0);
}

void
dm_snapshot_look(void)
{
  static struct dm_snapshot unused;
  uint32_t used = dm_callsites_used(), now = dm_clock_age_zero();
  if (!make_room(used))
    return;
  take_figures(&unused, used, now);
  dm_judge_look(figures + 1, used, now);
}

void
dm_snapshot_forget(uint32_t number)
{
  if (number < capacity)
    former_bytes[number] = 0;
  dm_history_forget(number);
  dm_suppress_forget(number);
}

bool
dm_snapshot_take(struct dm_snapshot *snapshot, int top, enum dm_sort sort,
                 uint64_t min_age_s)
{
  uint32_t used = dm_callsites_used();
  bool room = make_room(used);
  snapshot->callsites_cap = dm_callsites_cap();
  snapshot->table = dm_callsites_figures();
  snapshot->sort = sort;
  if (room)
  {
    uint32_t now = dm_clock_age_zero();
    take_figures(snapshot, used, now);
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
