/* ledger.c -- the books of one thread. */

#include "books/ledger.h"

#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "books/callsites.h"

struct dm_ledger *dm_ledger_emergency;

static _Atomic(struct dm_ledger *) ledgers;
static unsigned chunks_per_ledger;

/* Bytes live by all that was published, and the most that they ever were. */
static _Atomic uint64_t published;
static _Atomic uint64_t peak;

/* Makes the chunk that holds CALLSITE's cell. Returns NULL without memory. */
static struct dm_cell *
make_chunk(struct dm_ledger *ledger, uint32_t callsite)
{
  struct dm_cell *chunk = dm_arena_alloc(
      DM_CELLS_PER_CHUNK * sizeof(struct dm_cell), sizeof(struct dm_cell));
  if (!chunk)
    return NULL;
  /* A signal handler may have made it meanwhile; release pairs with the
     acquire of dm_ledger_cell. */
  struct dm_cell *made = NULL;
  return atomic_compare_exchange_strong(
             &ledger->chunks[callsite / DM_CELLS_PER_CHUNK], &made, chunk)
             ? chunk
             : made;
}

int
dm_ledgers_init(unsigned cap)
{
  chunks_per_ledger = cap / DM_CELLS_PER_CHUNK + 1;
  dm_ledger_emergency = dm_ledger_new();
  return dm_ledger_emergency ? 0 : -ENOMEM;
}

struct dm_ledger *
dm_ledger_new(void)
{
  size_t directory = chunks_per_ledger * sizeof(struct dm_cell *);
  struct dm_ledger *ledger = dm_arena_alloc(sizeof *ledger + directory, 64);
  if (!ledger || !make_chunk(ledger, DM_CALLSITE_OTHER))
    return NULL;
  dm_ages_init(&ledger->ages, dm_clock_slice());
  ledger->next = atomic_load(&ledgers);
  /* Release: pairs with the acquire of dm_ledgers. */
  while (!atomic_compare_exchange_weak(&ledgers, &ledger->next, ledger))
    ;
  return ledger;
}

const struct dm_ledger *
dm_ledgers(void)
{
  return atomic_load_explicit(&ledgers, memory_order_acquire);
}

struct dm_cell *
dm_ledger_own_cell(struct dm_ledger *ledger, uint32_t callsite)
{
  struct dm_cell *chunk =
      atomic_load(&ledger->chunks[callsite / DM_CELLS_PER_CHUNK]);
  if (!chunk)
    chunk = make_chunk(ledger, callsite);
  if (chunk)
    return &chunk[callsite % DM_CELLS_PER_CHUNK];
  /* Without memory the count goes to (other): the first chunk was made with
     the ledger, and the sum over all callsites stays right. */
  return atomic_load(&ledger->chunks[0]);
}

const struct dm_cell *
dm_ledger_cell(const struct dm_ledger *ledger, uint32_t callsite)
{
  const struct dm_cell *chunk = atomic_load_explicit(
      &ledger->chunks[callsite / DM_CELLS_PER_CHUNK], memory_order_acquire);
  return chunk ? &chunk[callsite % DM_CELLS_PER_CHUNK] : NULL;
}

static void
raise_peak(uint64_t live)
{
  uint64_t seen = atomic_load_explicit(&peak, memory_order_relaxed);
  while ((int64_t) live > (int64_t) seen &&
         !atomic_compare_exchange_weak(&peak, &seen, live))
    ;
}

/* Adds LEDGER's unpublished bytes to the sum that the peak is taken of. */
static void
publish(struct dm_ledger *ledger)
{
  /* In one instruction, for a signal handler may publish meanwhile. */
  uint64_t bytes =
      __atomic_exchange_n(&ledger->unpublished, 0, __ATOMIC_RELAXED);
  raise_peak(atomic_fetch_add(&published, bytes) + bytes);
}

static void
change_live_bytes(struct dm_ledger *ledger, uint64_t change)
{
  dm_counter_add(&ledger->unpublished, change);
  if (ledger->unpublished + DM_UNPUBLISHED_MAX >
      2 * (uint64_t) DM_UNPUBLISHED_MAX)
    publish(ledger);
}

/* Does what is to be done first, then finds the places. */
static struct dm_places
make_places(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
            size_t size)
{
  return (struct dm_places){
      .cell = dm_ledger_own_cell(ledger, callsite),
      .age = dm_ages_row(&ledger->ages, birth),
      .size = &ledger->sizes[dm_size_row(size)],
  };
}

void
dm_ledger_alloc(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
                size_t size)
{
  struct dm_places places = make_places(ledger, callsite, birth, size);
  dm_ledger_count(ledger, &places, size);
  change_live_bytes(ledger, 0);
}

void
dm_ledger_free(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
               size_t size)
{
  struct dm_places places = make_places(ledger, callsite, birth, size);
  dm_ledger_uncount(ledger, &places, size);
  change_live_bytes(ledger, 0);
}

void
dm_ledger_resize(struct dm_ledger *ledger, uint32_t callsite, uint32_t birth,
                 size_t old_size, size_t new_size)
{
  struct dm_cell *cell = dm_ledger_own_cell(ledger, callsite);
  dm_counter_add(&cell->in_place, 1);
  if (new_size > old_size)
    dm_counter_add(&cell->grown_bytes, new_size - old_size);
  else
    dm_counter_add(&cell->shrunk_bytes, old_size - new_size);
  dm_row_add(dm_ages_row(&ledger->ages, birth), 0, new_size - old_size);
  dm_row_add(&ledger->sizes[dm_size_row(old_size)], -UINT64_C(1), -old_size);
  dm_row_add(&ledger->sizes[dm_size_row(new_size)], 1, new_size);
  change_live_bytes(ledger, new_size - old_size);
}

void
dm_ledger_moved(struct dm_ledger *ledger, uint32_t callsite)
{
  dm_counter_add(&dm_ledger_own_cell(ledger, callsite)->moved, 1);
}

uint64_t
dm_ledger_peak(uint64_t live)
{
  raise_peak(live);
  return atomic_load(&peak);
}
