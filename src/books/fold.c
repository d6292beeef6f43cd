/* fold.c -- long recursion, made short. */

#include "books/fold.h"

#include <stdbool.h>
#include <string.h>

/* Whether the last three runs of PERIOD frames before END are the same. */
static bool
is_third(const dm_frame *end, unsigned period)
{
  /* One frame tells mostly, and this is asked for each frame and period. */
  if (end[-1] != end[-1 - (int) period])
    return false;
  size_t size = period * sizeof *end;
  return memcmp(end - period, end - 2 * period, size) == 0 &&
         memcmp(end - period, end - 3 * period, size) == 0;
}

unsigned
dm_fold(const dm_frame *frames, unsigned count, dm_frame *folded)
{
  unsigned length = 0;
  for (unsigned i = 0; i < count; i++)
  {
    folded[length++] = frames[i];
    for (unsigned period = 1; period <= DM_FOLD_PERIOD && 3 * period <= length;
         period++)
      if (is_third(&folded[length], period))
      {
        length -= period;
        break;
      }
  }
  return length;
}
