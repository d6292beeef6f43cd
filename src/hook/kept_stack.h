/* kept_stack.h -- the last call stack of a thread, to start the next walk from.

   Most of a stack is what it was at the last walk: only the innermost frames
   have changed. So a thread keeps the frames of its last walk, each with the
   whole state of the cursor that stood there. A new walk goes by frame rules
   until it stands where a kept frame stood, in the same state; from there on it
   follows the kept frames as long as the words that the former walk read still
   hold the same values: one comparison a frame. Where one differs, rules take
   over again.

   The state and the words decide a walk, so the result is the same as without;
   nothing is assumed. Only plain frames are kept, on a thread's own stack. A
   signal handler that interrupts a walk does without. */

#ifndef DM_HOOK_KEPT_STACK_H
#define DM_HOOK_KEPT_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "books/callsites.h"

enum
{
  DM_KEPT_MAX = 128,
  DM_FRESH_MAX = 64
};

/* A frame with the state of a cursor that stands there. */
struct dm_kept_frame
{
  const uintptr_t *slot; /* where the return address into it lies */
  uintptr_t pc;          /* that address */
  uintptr_t rbp;
  const uintptr_t *rbp_slot; /* where that was loaded from, or NULL */
  dm_frame frame;            /* as recorded */
  bool by_rbp;               /* its caller is found by rbp */
};

struct dm_kept_stack
{
  unsigned count;
  bool complete; /* the first is the outermost frame of any stack: not one that
                    ended at a return address of 0, which may be another now */
  struct dm_kept_frame frame[DM_KEPT_MAX]; /* outermost first */

  /* The frames of the walk under way that were not kept before. */
  uintptr_t walking; /* its caller's slot; 0: none is under way */
  int met;           /* the innermost kept frame that it took over; -1 */
  unsigned fresh_count;
  bool keepable;
  struct dm_kept_frame fresh[DM_FRESH_MAX]; /* innermost first */
};

#endif
