/* ledger.c -- the books of one thread. */

#include "books/ledger.h"

#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/sys.h"
#include "books/callsites.h"

struct dm_ledger *dm_ledger_emergency;

static _Atomic(struct dm_ledger *) ledgers;
static size_t pages_per_ledger;

/* Bytes live by all that was published, and the most that they ever were. */
static _Atomic uint64_t published;
static _Atomic uint64_t peak;

/* ------------------------------------------------------------------------
   Ledgers and their cells. */

int
dm_ledgers_init(unsigned cap)
{
  pages_per_ledger = cap / DM_CELLS_PER_PAGE + 1;
  dm_ledger_emergency = dm_ledger_new();
  return dm_ledger_emergency ? 0 : -ENOMEM;
}

/* What is rarely needed in CELL, made when there is none. */
static struct dm_late *
own_late(struct dm_ledger *ledger, struct dm_cell *cell)
{
  struct dm_late *late = __atomic_load_n(&cell->late, __ATOMIC_RELAXED);
  if (late)
    return late;
  struct dm_late *made = dm_arena_alloc(sizeof *made, sizeof(uint64_t));
  /* Without memory the count goes to (other), whose own was made with the
     ledger. Release: pairs with the acquire of dm_cell_add. */
  if (!made)
    return ledger->cells[DM_CALLSITE_OTHER].late;
  return __atomic_compare_exchange_n(&cell->late, &late, made, false,
                                     __ATOMIC_RELEASE, __ATOMIC_RELAXED)
             ? made
             : late;
}

static size_t
size_of_cells(void)
{
  return pages_per_ledger * DM_CELLS_PER_PAGE * sizeof(struct dm_cell);
}

static size_t
size_of_ledger(void)
{
  return sizeof(struct dm_ledger) + size_of_cells() + pages_per_ledger;
}

struct dm_ledger *
dm_ledger_make(void)
{
  struct dm_ledger *ledger = dm_sys_reserve(size_of_ledger());
  if (!ledger)
    return NULL;
  ledger->touched = (_Atomic bool *) ((char *) ledger->cells + size_of_cells());
  struct dm_cell *other = &ledger->cells[DM_CALLSITE_OTHER];
  if (own_late(ledger, other) && dm_births_init(&ledger->births))
    return ledger;
  dm_ledger_give_back(ledger);
  return NULL;
}

void
dm_ledger_give_back(struct dm_ledger *ledger)
{
  dm_sys_unreserve(ledger, size_of_ledger());
}

void
dm_ledger_list(struct dm_ledger *ledger)
{
  dm_sys_use(sizeof *ledger + pages_per_ledger);
  dm_ledger_own_cell(ledger, DM_CALLSITE_OTHER);
  ledger->next = atomic_load(&ledgers);
  /* Release: pairs with the acquire of dm_ledgers. */
  while (!atomic_compare_exchange_weak(&ledgers, &ledger->next, ledger))
    ;
}

struct dm_ledger *
dm_ledger_new(void)
{
  struct dm_ledger *ledger = dm_ledger_make();
  if (ledger)
    dm_ledger_list(ledger);
  return ledger;
}

const struct dm_ledger *
dm_ledgers(void)
{
  return atomic_load_explicit(&ledgers, memory_order_acquire);
}

/* Readies CELL. A signal handler may do it meanwhile, and count. */
static void
make_cell(struct dm_ledger *ledger, struct dm_cell *cell, uint32_t callsite)
{
  uint64_t none = 0, label = (uint64_t) callsite << DM_LABEL_CALLSITE_SHIFT;
  __atomic_compare_exchange_n(&cell->label, &none, label | DM_SECOND_NEVER,
                              false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  /* Release: pairs with the acquire of is_touched. */
  if (!atomic_exchange_explicit(&ledger->touched[callsite / DM_CELLS_PER_PAGE],
                                true, memory_order_release))
    dm_sys_use(DM_CELLS_PER_PAGE * sizeof *cell);
}

struct dm_cell *
dm_ledger_own_cell(struct dm_ledger *ledger, uint32_t callsite)
{
  struct dm_cell *cell = &ledger->cells[callsite];
  if (__builtin_expect(cell->label == 0, 0))
    make_cell(ledger, cell, callsite);
  return cell;
}

static bool
is_touched(const struct dm_ledger *ledger, uint32_t callsite)
{
  return atomic_load_explicit(&ledger->touched[callsite / DM_CELLS_PER_PAGE],
                              memory_order_acquire);
}

const struct dm_cell *
dm_ledger_cell(const struct dm_ledger *ledger, uint32_t callsite)
{
  const struct dm_cell *cell = &ledger->cells[callsite];
  return is_touched(ledger, callsite) && dm_counter_read(&cell->label) ? cell
                                                                       : NULL;
}

/* Whether anything was ever counted in CELL, perhaps by a signal handler that
   interrupts its first filing. */
static bool
is_used(const struct dm_cell *cell)
{
  uint64_t label = dm_counter_read(&cell->label);
  return label && ((uint32_t) label != DM_SECOND_NEVER ||
                   __atomic_load_n(&cell->late, __ATOMIC_RELAXED));
}

const struct dm_cell *
dm_ledger_next_cell(const struct dm_ledger *ledger, uint32_t *callsite,
                    uint32_t last)
{
  for (uint32_t i = *callsite; i <= last; i++)
    if (!is_touched(ledger, i))
      i |= DM_CELLS_PER_PAGE - 1;
    else if (is_used(&ledger->cells[i]))
    {
      *callsite = i;
      return &ledger->cells[i];
    }
  return NULL;
}

/* ------------------------------------------------------------------------
   The peak. */

static void
raise_peak(uint64_t live)
{
  uint64_t seen = atomic_load_explicit(&peak, memory_order_relaxed);
  while ((int64_t) live > (int64_t) seen &&
         !atomic_compare_exchange_weak(&peak, &seen, live))
    ;
}

void
dm_ledger_publish(struct dm_ledger *ledger)
{
  /* In one instruction, for a signal handler may publish meanwhile. */
  uint64_t bytes =
      __atomic_exchange_n(&ledger->unpublished, 0, __ATOMIC_RELAXED);
  raise_peak(atomic_fetch_add(&published, bytes) + bytes);
}

/* DUE: as dm_ledger_count and its like return it. */
static void
publish_if(struct dm_ledger *ledger, bool due)
{
  if (due)
    dm_ledger_publish(ledger);
}

uint64_t
dm_ledger_peak(uint64_t live)
{
  raise_peak(live);
  return atomic_load(&peak);
}

/* ------------------------------------------------------------------------
   Filing. */

/* Adds to the births for blocks of CELL's callsite. */
static void
add_filed(struct dm_ledger *ledger, const struct dm_cell *cell, uint32_t birth,
          uint32_t now, uint64_t count, uint64_t bytes)
{
  dm_births_add(&ledger->births, dm_cell_callsite(cell), birth, now, count,
                bytes);
}

/* Files what CELL's second left live under that second. The label says
   meanwhile that this goes on, so a signal handler counts nothing in the cell
   that was not filed at once; what it finds so for two seconds was left by a
   jump out of another handler. Then what is not in FILED yet is filed now; what
   is in its row already is there twice, for nobody can tell it from what came
   meanwhile. */
static void
file(struct dm_ledger *ledger, struct dm_cell *cell, uint64_t label,
     uint32_t now)
{
  uint64_t count = cell->allocations - cell->frees - cell->filed;
  uint64_t bytes = cell->allocated_bytes - cell->freed_bytes - cell->filed_bytes;
  if (count != 0 || bytes != 0)
  {
    /* First, for this may take long, and a jump out of it loses nothing. */
    add_filed(ledger, cell, dm_label_second(label), now, count, bytes);
    dm_counter_add(&cell->filed, count);
    dm_counter_add(&cell->filed_bytes, bytes);
  }
}

/* Brings CELL to second NOW. Returns false when it cannot be, since this
   interrupts its filing, or NOW is over. */
static bool
bring_to(struct dm_ledger *ledger, struct dm_cell *cell, uint32_t now)
{
  uint64_t label = __atomic_load_n(&cell->label, __ATOMIC_RELAXED);
  if ((uint32_t) label == now)
    return true;
  bool left = label & DM_LABEL_FILING && ledger->filing_since &&
              now - ledger->filing_since >= 2;
  if (label & DM_LABEL_FILING && !left)
    return false;
  if (dm_label_second(label) != DM_SECOND_NEVER && dm_label_second(label) > now)
    return false;
  ledger->filing_since = now;
  /* A handler may have brought it there just before. */
  if (!__atomic_compare_exchange_n(&cell->label, &label,
                                   label | DM_LABEL_FILING, false,
                                   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return (uint32_t) label == now;
  file(ledger, cell, label, now);
  uint64_t callsite = dm_label_callsite(label);
  /* Release: pairs with the acquire of dm_ledger_youngest. */
  __atomic_store_n(&cell->label, callsite << DM_LABEL_CALLSITE_SHIFT | now,
                   __ATOMIC_RELEASE);
  ledger->filing_since = 0;
  return true;
}

void
dm_ledger_alloc(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
                size_t size)
{
  struct dm_cell *cell = dm_ledger_own_cell(ledger, callsite);
  if (!bring_to(ledger, cell, birth))
  {
    dm_counter_add(&cell->filed, 1);
    dm_counter_add(&cell->filed_bytes, size);
    add_filed(ledger, cell, birth, birth, 1, size);
  }
  publish_if(ledger, dm_ledger_count(ledger, cell, size));
}

/* Takes a block out of CELL that was born in the second that it is now. */
static void
free_young(struct dm_ledger *ledger, struct dm_cell *cell, uint32_t now,
           size_t size)
{
  if (!bring_to(ledger, cell, now))
  {
    dm_counter_subtract(&cell->filed, 1);
    dm_counter_subtract(&cell->filed_bytes, size);
    add_filed(ledger, cell, now, now, -UINT64_C(1), -size);
  }
  publish_if(ledger, dm_ledger_uncount(ledger, cell, size));
}

void
dm_ledger_free(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
               size_t size)
{
  struct dm_cell *cell = dm_ledger_own_cell(ledger, callsite);
  uint32_t now = dm_clock_slice();
  unsigned row = dm_age_row(dm_age(now, birth));
  if (row == 0)
  {
    free_young(ledger, cell, birth, size);
    return;
  }
  struct dm_late *late = own_late(ledger, cell);
  add_filed(ledger, cell, birth, now, -UINT64_C(1), -size);
  dm_counter_add(&late->frees[row - 1], 1);
  dm_counter_add(&late->freed_bytes, size);
  dm_row_subtract(&ledger->sizes[dm_size_power(size)], 1, size);
  publish_if(ledger, dm_ledger_less_live(ledger, size));
}

void
dm_ledger_undo(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
               size_t size)
{
  struct dm_cell *cell = dm_ledger_own_cell(ledger, callsite);
  dm_counter_subtract(&cell->filed, 1);
  dm_counter_subtract(&cell->filed_bytes, size);
  add_filed(ledger, cell, birth, birth, -UINT64_C(1), -size);
  dm_counter_subtract(&cell->allocations, 1);
  dm_counter_subtract(&cell->allocated_bytes, size);
  dm_row_subtract(&ledger->sizes[dm_size_power(size)], 1, size);
  publish_if(ledger, dm_ledger_less_live(ledger, size));
}

void
dm_ledger_resize(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
                 size_t old_size, size_t new_size)
{
  struct dm_cell *cell = dm_ledger_own_cell(ledger, callsite);
  struct dm_late *late = own_late(ledger, cell);
  dm_counter_add(&late->in_place, 1);
  /* What is not filed yet will be, with what it has grown by: a cell counts
     that as filed too much before. */
  uint64_t label = __atomic_load_n(&cell->label, __ATOMIC_RELAXED);
  if ((uint32_t) label == birth)
    dm_counter_add(&cell->filed_bytes, old_size - new_size);
  else
    add_filed(ledger, cell, birth, dm_clock_slice(), 0, new_size - old_size);
  dm_row_subtract(&ledger->sizes[dm_size_power(old_size)], 1, old_size);
  dm_row_add(&ledger->sizes[dm_size_power(new_size)], 1, new_size);
  if (new_size > old_size)
  {
    dm_counter_add(&late->grown_bytes, new_size - old_size);
    publish_if(ledger, dm_ledger_more_live(ledger, new_size - old_size));
  }
  else
  {
    dm_counter_add(&late->shrunk_bytes, old_size - new_size);
    publish_if(ledger, dm_ledger_less_live(ledger, old_size - new_size));
  }
}

void
dm_ledger_moved(struct dm_ledger *ledger, uint32_t callsite)
{
  struct dm_cell *cell = dm_ledger_own_cell(ledger, callsite);
  dm_counter_add(&own_late(ledger, cell)->moved, 1);
}

/* ------------------------------------------------------------------------
   Reading. */

struct dm_row
dm_ledger_youngest(const struct dm_ledger *ledger, const struct dm_cell *cell,
                   uint32_t *second)
{
  enum
  {
    ATTEMPTS = 100
  };
  struct dm_row row;
  /* Pairs with the stores to the label in bring_to. */
  uint64_t label = __atomic_load_n(&cell->label, __ATOMIC_ACQUIRE);
  for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++)
  {
    *second = dm_label_second(label);
    row = dm_births_look(&ledger->births, dm_label_callsite(label), *second);
    row.count -= dm_counter_read(&cell->frees) + dm_counter_read(&cell->filed);
    row.bytes -= dm_counter_read(&cell->freed_bytes) +
                 dm_counter_read(&cell->filed_bytes);
    row.count += dm_counter_read(&cell->allocations);
    row.bytes += dm_counter_read(&cell->allocated_bytes);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint64_t now = __atomic_load_n(&cell->label, __ATOMIC_RELAXED);
    if (now == label && !(label & DM_LABEL_FILING))
      break;
    label = now;
  }
  return row;
}
