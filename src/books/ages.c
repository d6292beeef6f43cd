/* ages.c -- the rows and slots that ages are told in. */

#include "books/ages.h"

uint32_t
dm_age_row_start(unsigned row)
{
  static const uint32_t start[DM_AGE_ROWS] = {0, 1, 10, 100, DM_AGE_SLICES};
  return start[row];
}

uint32_t
dm_birth_slot_start(unsigned slot)
{
  return slot < 10   ? slot
         : slot < 19 ? (slot - 9) * 10
                     : (slot - 18) * 100;
}
