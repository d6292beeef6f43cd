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
#include <stddef.h>
#include <stdint.h>

#include "books/frame.h"
#include "hook/frame_rules.h"

enum
{
  DM_KEPT_MAX = 128,
  DM_FRESH_MAX = 65 /* a whole stack's, and one that is beyond */
};

/* A frame with the state of a cursor that stands there. */
struct dm_kept_frame
{
  const uintptr_t *slot; /* where the return address into it lies */
  uintptr_t rbp;
  const uintptr_t *rbp_slot; /* where that was loaded from; NULL: it is still in
                                the register */
  dm_frame frame;            /* as recorded */
  dm_rule rule;

  /* Over this one and all further out, when it is kept: */
  uint64_t frames; /* chain of the frames */
  uint64_t ways;   /* chain of which words the steps out of them went by */
};

/* The return address into FRAME. */
static inline uintptr_t
dm_kept_pc(const struct dm_kept_frame *frame)
{
  return dm_frame_address(frame->frame);
}

/* Whether FRAME's caller is found by rbp; and the word that says where it is, or
   NULL. */
static inline bool
dm_kept_by_rbp(const struct dm_kept_frame *frame)
{
  enum
  {
    BY_RBP = 1 << DM_RULE_RBP | 1 << DM_RULE_AT_RBP | 1 << DM_RULE_GUESS
  };
  return BY_RBP >> dm_rule_kind(frame->rule) & 1;
}

static inline const uintptr_t *
dm_kept_data(const struct dm_kept_frame *frame)
{
  uintptr_t offset = (uintptr_t) dm_rule_offset(frame->rule);
  return dm_rule_kind(frame->rule) == DM_RULE_AT_RBP
             ? (const uintptr_t *) (frame->rbp + offset * sizeof offset)
             : NULL;
}

struct dm_kept_stack
{
  unsigned count; /* frames that the next walk may use */
  bool complete;
  uint32_t generation; /* of the callsites, when they were recorded */

  /* Of the walk under way. Its frames are the fresh ones, and behind them those
     that were kept, from MET on; at its end all are kept. */
  uintptr_t walking;    /* its caller's slot; 0: there is none */
  int met;              /* the innermost kept frame of it; -1: none */
  unsigned fresh_count; /* frames that are not kept */

  /* Outermost first. The first is the outermost of any stack when the stack is
     complete; else it is the one beyond what was recorded, or a return address
     of 0, and nothing is known of what comes after. */
  struct dm_kept_frame frame[DM_KEPT_MAX];
  struct dm_kept_frame fresh[DM_FRESH_MAX]; /* innermost first */
};

#endif
