/* ledger_rig.c -- all ledgers added up. */

#include "ledger_rig.h"

#include <check.h>
#include <string.h>

#include "base/clock.h"
#include "fake_clock.h"

void
ledger_setup(void)
{
  fake_clock_set(1);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
}

void
add_cell(struct dm_cell *sum, const struct dm_cell *cell)
{
  uint64_t *to = (uint64_t *) sum;
  const uint64_t *from = (const uint64_t *) cell;
  for (unsigned i = 0; i < sizeof *sum / sizeof *to; i++)
    to[i] += dm_counter_read(&from[i]);
}

struct totals
sum_all(uint32_t now)
{
  struct totals sum;
  memset(&sum, 0, sizeof sum);
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    for (uint32_t i = 0; i <= CAP; i++)
      if (dm_ledger_cell(ledger, i))
        add_cell(&sum.cells, dm_ledger_cell(ledger, i));
    struct dm_row rows[DM_AGE_ROWS] = {{0, 0}};
    ck_assert(dm_ages_sum(&ledger->ages, now, rows));
    for (unsigned i = 0; i < DM_AGE_ROWS; i++)
      dm_row_add(&sum.ages, rows[i].count, rows[i].bytes);
    for (unsigned i = 0; i < DM_SIZE_ROWS; i++)
      dm_row_add(&sum.sizes, dm_counter_read(&ledger->sizes[i].count),
                 dm_counter_read(&ledger->sizes[i].bytes));
  }
  return sum;
}

void
check_live(uint64_t count, uint64_t bytes)
{
  struct totals sum = sum_all(dm_clock_slice());
  const struct dm_cell *cells = &sum.cells;
  ck_assert_uint_eq(cells->allocations - cells->frees, count);
  ck_assert_uint_eq(cells->allocated_bytes + cells->grown_bytes -
                        cells->shrunk_bytes - cells->freed_bytes,
                    bytes);
  ck_assert_uint_eq(sum.ages.count, count);
  ck_assert_uint_eq(sum.ages.bytes, bytes);
  ck_assert_uint_eq(sum.sizes.count, count);
  ck_assert_uint_eq(sum.sizes.bytes, bytes);
}

struct dm_ledger *
new_ledger(void)
{
  struct dm_ledger *ledger = dm_ledger_new();
  ck_assert_ptr_nonnull(ledger);
  return ledger;
}
