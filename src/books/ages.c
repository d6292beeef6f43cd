/* ages.c -- the rows and slots that ages are told in. */

#include "books/ages.h"

uint32_t
dm_age_row_start(unsigned row)
{
  static const uint32_t start[DM_AGE_ROWS] = {0, 1, 10, 100, DM_AGE_SLICES};
  return start[row];
}
