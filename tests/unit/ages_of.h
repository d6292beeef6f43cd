/* ages_of.h -- the live blocks of a ledger by age. */

#ifndef DM_TESTS_UNIT_AGES_OF_H
#define DM_TESTS_UNIT_AGES_OF_H

#include "books/sums.h"

/* Adds the live blocks of LEDGER, of callsites 0 to CAP, to ROWS, as old as
   they are in slice NOW. Nobody may be writing. */
void ages_of(const struct dm_ledger *ledger, uint32_t cap, uint32_t now,
             struct dm_row rows[DM_AGE_ROWS]);

#endif
