/* walk.h -- from the leaf of a call stack to its outermost frame.

   A walk is a cursor that stands at a frame and moves to its caller, by frame
   rules, by the stack that the thread kept from its last walk, and where
   neither knows, by libunwind. What it went by, for the memo, is told by the
   kept stack, of which it becomes a part. */

#ifndef DM_HOOK_WALK_H
#define DM_HOOK_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/chain.h"
#include "base/config.h"
#include "books/callsites.h"
#include "hook/cursor.h"
#include "hook/frame_rules.h"
#include "hook/kept_stack.h"
#include "hook/stack_memo.h"
#include "hook/thread.h"

struct dm_walk
{
  struct dm_thread *thread;
  struct dm_caller caller;
  struct dm_cursor at;
  unsigned count, depth; /* frames recorded, and to be recorded at most */

  /* The kept stack, which has the frames of this walk; or, when it is NULL,
     because this walk interrupts another one or is on another stack, or because
     libunwind was asked, FRAMES has them. */
  struct dm_kept_stack *kept;
  int kept_next; /* the innermost kept frame that may still be met */
  dm_frame frames[DM_DEPTH_MAX];
};

/* Puts the cursor of WALK at CALLER. GENERATION of the callsites: what was kept
   in another is not believed. */
void dm_walk_start(struct dm_walk *walk, struct dm_thread *thread,
                   struct dm_caller caller, unsigned depth,
                   uint32_t generation);

/* Records frames until the outermost, or until DEPTH are recorded: then
   DM_WALK_ON. STATIC_TLS as in dm_unwind_init. */
enum dm_walk_result dm_walk_stack(struct dm_walk *walk, uintptr_t static_tls);

/* The HIGH of a cursor where WALK starts. */
static inline uintptr_t
dm_walk_high(const struct dm_walk *walk)
{
  return dm_cursor_high(walk->thread, (uintptr_t) dm_caller_slot(walk->caller));
}

/* Whether the frames of WALK are decided by words of this stack alone. */
static inline bool
dm_walk_is_memorable(const struct dm_walk *walk)
{
  return walk->kept && walk->at.straight;
}

/* The frames recorded, innermost first. */
const dm_frame *dm_walk_frames(struct dm_walk *walk);

/* The kept frame beyond the outermost that was recorded, where the chains of
   WALK begin; NULL when they begin with nothing. For walks with a kept stack,
   like the next. */
static inline const struct dm_kept_frame *
dm_walk_beyond(const struct dm_walk *walk)
{
  int beyond = walk->kept->met - (int) walk->count;
  return beyond < 0 ? NULL : &walk->kept->frame[beyond];
}

/* The chain (base/chain.h) of the frames recorded, outermost first. */
static inline uint64_t
dm_walk_chain(const struct dm_walk *walk)
{
  const struct dm_kept_frame *beyond = dm_walk_beyond(walk);
  return dm_chain_last(walk->kept->frame[walk->kept->met].frames,
                       beyond ? beyond->frames : 0, walk->count);
}

/* Where WALK finds what rbp is in the kept FRAME: where it was loaded from, or,
   if it is still in its register, in the caller's record. */
static inline const uintptr_t *
dm_walk_rbp_slot(const struct dm_walk *walk, const struct dm_kept_frame *frame)
{
  return frame->rbp_slot ? frame->rbp_slot
                         : &walk->caller.record[DM_CALLER_RBP];
}

/* The kept stack's part in a walk. BEGIN finds out whether it can be used;
   RESUME, with the cursor at a frame not recorded yet, where the kept frame at
   KEPT_NEXT stood in the same state, records what can be taken from there and
   moves the cursor behind it; END joins the frames to what was kept. */
void dm_kept_begin(struct dm_walk *walk, uint32_t generation);
enum dm_walk_result dm_kept_resume(struct dm_walk *walk);
void dm_kept_end(struct dm_walk *walk, enum dm_walk_result result);

/* WALK is over, and so is what its thread's tables were needed for. */
void dm_walk_finish(struct dm_walk *walk);

#endif
