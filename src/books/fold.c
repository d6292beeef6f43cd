/* fold.c -- long recursion, made short. */

#include "books/fold.h"

#include <stdbool.h>

/* Whether the last three runs of PERIOD frames before END are the same. That is
   so when each frame of the last two has its like a period before; mostly the
   first has not. */
static bool
is_third(const dm_frame *end, unsigned period)
{
  for (const dm_frame *frame = end - 2 * period; end-- > frame;)
    if (*end != *(end - period))
      return false;
  return true;
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
