/* kept_stack.h -- the last call stack of a thread, to start the next walk from.

   Most of a stack is what it was at the last walk: only the innermost frames
   have changed. So a thread keeps the frames of its last walk, each with the
   whole state of the cursor that stood there. A new walk goes by frame rules
   until it stands where a kept frame stood, in the same state; from there on it
   follows the kept frames as long as the words that the former walk read still
   hold the same values: one comparison a frame. Where one differs, rules take
   over again.

   The state and the words decide a walk, so the result is the same as without;
   nothing is assumed. Only plain frames are kept for the next walk, on a
   thread's own stack. A signal handler that interrupts a walk does without.

   What is asked of a whole stack -- which frames it has, by which words it was
   found -- each frame knows as chains (base/chain.h) over itself and all that
   are further out. So that, too, costs what has changed. */

#ifndef DM_HOOK_KEPT_STACK_H
#define DM_HOOK_KEPT_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "books/frame.h"

enum
{
  DM_KEPT_MAX = 128,
  DM_FRESH_MAX = 65 /* a whole stack's, and one that is beyond */
};

/* A frame with the state of a cursor that stands there. */
struct dm_kept_frame
{
  const uintptr_t *slot; /* where the return address into it lies */
  uintptr_t pc;          /* that address */
  uintptr_t rbp;
  const uintptr_t *rbp_slot; /* where that was loaded from; NULL: it is still in
                                the register */
  const uintptr_t *data;     /* a word that says where its caller is, or NULL */
  dm_frame frame;            /* as recorded */

  /* Over this one and all further out: */
  uint64_t frames; /* chain of the frames */
  uint64_t ways;   /* chain of which words the steps out of them went by */

  bool by_rbp; /* its caller is found by rbp */
};

struct dm_kept_stack
{
  unsigned count; /* frames that the next walk may use */
  bool complete;
  uint32_t generation; /* of the callsites, when they were recorded */

  /* Of the walk under way: */
  uintptr_t walking; /* its caller's slot; 0: there is none */
  int met;           /* the innermost kept frame that it took over; -1 */
  unsigned fresh_count; /* frames that were not kept before */
  bool keepable;

  /* Outermost first. The first is the outermost of any stack when the stack is
     complete; else it is the one beyond what was recorded, or a return address
     of 0, and nothing is known of what comes after. */
  struct dm_kept_frame frame[DM_KEPT_MAX];
  struct dm_kept_frame fresh[DM_FRESH_MAX]; /* innermost first */
};

#endif
