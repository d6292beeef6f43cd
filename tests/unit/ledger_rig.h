/* ledger_rig.h -- what the tests of the ledger look at: all ledgers added up.
 */

#ifndef DM_TESTS_UNIT_LEDGER_RIG_H
#define DM_TESTS_UNIT_LEDGER_RIG_H

#include <stdint.h>

#include "books/sums.h"

enum
{
  CAP = 20000 /* callsites */
};

struct totals
{
  struct dm_sums cells;
  struct dm_row ages, sizes;
};

/* Empty books, in the first second. */
void ledger_setup(void);

/* A ledger; the test fails when there is none. */
struct dm_ledger *new_ledger(void);

/* What LEDGER has at CALLSITE. */
struct dm_sums sums_of(const struct dm_ledger *ledger, uint32_t callsite);

/* All ledgers added up. */
struct totals sum_all(void);

/* Checks that all views of the books show COUNT live blocks of BYTES. */
void check_live(uint64_t count, uint64_t bytes);

#endif
