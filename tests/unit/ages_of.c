/* ages_of.c -- the live blocks of a ledger by age. */

#include "ages_of.h"

struct place
{
  struct dm_row *rows;
  uint32_t now;
};

static void
see(void *arg, uint32_t callsite, uint32_t birth, struct dm_row live)
{
  const struct place *place = arg;
  (void) callsite;
  uint32_t age =
      birth == DM_BIRTH_OLDER ? DM_AGE_SLICES : dm_age(place->now, birth);
  dm_row_add(&place->rows[dm_age_row(age)], live.count, live.bytes);
}

void
ages_of(const struct dm_ledger *ledger, uint32_t cap, uint32_t now,
        struct dm_row rows[DM_AGE_ROWS])
{
  struct place place = {rows, now};
  dm_births_visit(&ledger->births, see, &place);
  for (uint32_t i = 0; i <= cap; i++)
  {
    const struct dm_cell *cell = dm_ledger_cell(ledger, i);
    if (!cell)
      continue;
    /* What is not filed yet. */
    uint32_t second;
    struct dm_row young = dm_ledger_youngest(ledger, cell, &second);
    struct dm_row filed = dm_births_look(&ledger->births, i, second);
    young.count -= filed.count;
    young.bytes -= filed.bytes;
    see(&place, i, second, young);
  }
}
