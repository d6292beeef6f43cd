/* ledger_rig.c -- all ledgers added up. */

#include "ledger_rig.h"

#include <check.h>
#include <string.h>

#include "ages_of.h"
#include "base/clock.h"
#include "fake_clock.h"

void
ledger_setup(void)
{
  fake_clock_set(1);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
}

struct dm_sums
sums_of(const struct dm_ledger *ledger, uint32_t callsite)
{
  struct dm_sums sums = {0};
  const struct dm_cell *cell = dm_ledger_cell(ledger, callsite);
  if (cell)
    dm_cell_add(&sums, cell);
  return sums;
}

struct totals
sum_all(void)
{
  struct totals sum;
  memset(&sum, 0, sizeof sum);
  for (const struct dm_ledger *ledger = dm_ledgers(); ledger;
       ledger = ledger->next)
  {
    struct dm_row ages[DM_AGE_ROWS] = {{0, 0}};
    ages_of(ledger, CAP, dm_clock_slice(), ages);
    for (unsigned i = 0; i < DM_AGE_ROWS; i++)
      dm_row_add(&sum.ages, ages[i].count, ages[i].bytes);
    for (uint32_t i = 0; i <= CAP; i++)
      if (dm_ledger_cell(ledger, i))
        dm_cell_add(&sum.cells, dm_ledger_cell(ledger, i));
    for (unsigned i = 0; i < DM_SIZE_POWERS; i++)
      dm_row_add(&sum.sizes, dm_counter_read(&ledger->sizes[i].count),
                 dm_counter_read(&ledger->sizes[i].bytes));
  }
  return sum;
}

void
check_live(uint64_t count, uint64_t bytes)
{
  struct totals sum = sum_all();
  const struct dm_sums *cells = &sum.cells;
  ck_assert_uint_eq(cells->allocations - dm_sums_frees(cells), count);
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
