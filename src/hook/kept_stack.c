/* kept_stack.c -- the last call stack of a thread, to start the next walk
   from. */

#include "hook/kept_stack.h"

#include <stdatomic.h>
#include <string.h>

#include "base/chain.h"
#include "hook/walk.h"

void
dm_kept_begin(struct dm_walk *walk, uint32_t generation)
{
  struct dm_kept_stack *kept = &walk->thread->kept;
  walk->kept = NULL;
  walk->kept_next = -1;
  if (walk->at.high == 0)
    return;
  /* Either we interrupt a walk, or a signal handler left one by a jump: this
     walk will find out for the next one (look_for_end in hook/walk.c). */
  if (kept->walking)
  {
    dm_counter_add(&walk->thread->ledger->mishaps.nested, 1);
    return;
  }
  kept->walking = (uintptr_t) dm_caller_slot(walk->caller);
  atomic_signal_fence(memory_order_seq_cst);
  kept->met = -1;
  kept->fresh_count = 0;
  if (kept->generation != generation)
    kept->count = 0;
  kept->generation = generation;
  walk->kept = kept;
  walk->kept_next = (int) kept->count - 1;
}

/* What rbp is now in the frame KEPT. */
static uintptr_t
current_rbp(const struct dm_walk *walk, const struct dm_kept_frame *frame)
{
  return *dm_walk_rbp_slot(walk, frame);
}

/* Whether the step out of the kept frame I, which is not the first, leads to the
   one before it, as it did. */
static bool
leads_on(const struct dm_walk *walk, int i)
{
  const struct dm_kept_frame *frame = &walk->kept->frame[i];
  if (dm_kept_by_rbp(frame) && current_rbp(walk, frame) != frame->rbp)
    return false;
  return *frame[-1].slot == dm_kept_pc(frame - 1);
}

/* Puts the cursor at the kept frame I, from where rules go on. What was taken
   over, from MET to LAST, counts as new, for it will not stand where it stood. */
static void
stand_at(struct dm_walk *walk, int i, int met, int last)
{
  struct dm_kept_stack *kept = walk->kept;
  for (int j = met; j >= last; j--)
  {
    struct dm_kept_frame *fresh = &kept->fresh[kept->fresh_count++];
    *fresh = kept->frame[j];
    fresh->rbp = current_rbp(walk, fresh);
  }
  const struct dm_kept_frame *frame = &kept->frame[i];
  walk->at.pc = dm_kept_pc(frame);
  walk->at.rsp = (uintptr_t) (frame->slot + 1);
  walk->at.rbp = current_rbp(walk, frame);
  walk->at.rbp_slot = frame->rbp_slot;
  walk->kept_next = i - 1;
  kept->met = -1;
}

enum dm_walk_result
dm_kept_resume(struct dm_walk *walk)
{
  struct dm_kept_stack *kept = walk->kept;
  int met = kept->met = walk->kept_next;
  for (int i = met; i > 0; i--)
  {
    walk->count++;
    if (!leads_on(walk, i))
    {
      stand_at(walk, i, met, i);
      return dm_cursor_step(&walk->at, dm_rule_find(walk->at.pc - 1),
                            walk->thread);
    }
    if (dm_kept_pc(&kept->frame[i - 1]) == 0)
      return DM_WALK_END;
    if (walk->count == walk->depth)
      return DM_WALK_ON;
  }
  if (kept->complete)
  {
    walk->count++;
    return DM_WALK_END;
  }
  /* The first is still to be recorded. */
  stand_at(walk, 0, met, 1);
  return DM_WALK_ON;
}

/* Which words the step out of FRAME goes by, in one: those that say where its
   caller, BEYOND, is, and the return address there. Stacks lie below 2^47. */
static uint64_t
way_out(const struct dm_kept_frame *frame, const struct dm_kept_frame *beyond)
{
  const uintptr_t *data = dm_kept_data(frame);
  uint64_t way = 0;
  if (dm_kept_by_rbp(frame))
    way = ((uintptr_t) frame->rbp_slot | 1) << 24;
  if (data)
    way = ~way ^ (uintptr_t) data << 17;
  if (beyond)
    way ^= (uintptr_t) beyond->slot ^
           (dm_memo_is_factor(dm_kept_pc(beyond)) ? 0 : 2);
  return way;
}

/* Whether a later walk may start from FRAME. */
static bool
is_plain(const struct dm_kept_frame *frame)
{
  enum
  {
    PLAIN = 1 << DM_RULE_RSP | 1 << DM_RULE_RBP | 1 << DM_RULE_END
  };
  return PLAIN >> dm_rule_kind(frame->rule) & 1;
}

/* Adds NEW to the COUNT frames of KEPT. */
static void
add_frame(struct dm_kept_stack *kept, unsigned count,
          const struct dm_kept_frame *new)
{
  struct dm_kept_frame *frame = &kept->frame[count];
  const struct dm_kept_frame *beyond = count > 0 ? frame - 1 : NULL;
  *frame = *new;
  frame->frames = dm_chain_add(beyond ? beyond->frames : 0, frame->frame);
  frame->ways = dm_chain_add(beyond ? beyond->ways : 0, way_out(frame, beyond));
}

void
dm_kept_end(struct dm_walk *walk, enum dm_walk_result result)
{
  struct dm_kept_stack *kept = walk->kept;
  unsigned count = (unsigned) (kept->met + 1);
  /* Nothing is kept while frames are being moved: a signal handler may leave by
     a jump. */
  kept->count = 0;
  atomic_signal_fence(memory_order_seq_cst);
  if (count == 0)
  {
    const struct dm_cursor *at = &walk->at;
    kept->complete = result == DM_WALK_END && at->pc != 0;
    if (!kept->complete && result != DM_WALK_FAILED)
      add_frame(kept, count++,
                &(struct dm_kept_frame){
                    .slot = dm_cursor_word(at->rsp) - 1,
                    .frame = at->pc & DM_FRAME_ADDRESS,
                    .rbp = at->rbp,
                    .rbp_slot = at->rbp_slot,
                });
  }
  else if (count + kept->fresh_count > DM_KEPT_MAX)
  {
    /* The innermost are of this stack, or the one beyond it. */
    memmove(kept->frame, &kept->frame[count - DM_DEPTH_MAX],
            DM_DEPTH_MAX * sizeof *kept->frame);
    count = DM_DEPTH_MAX;
    kept->complete = false;
  }
  bool keepable = result != DM_WALK_FAILED;
  while (kept->fresh_count > 0)
  {
    const struct dm_kept_frame *fresh = &kept->fresh[--kept->fresh_count];
    keepable = keepable && is_plain(fresh);
    add_frame(kept, count++, fresh);
  }
  kept->met = (int) count - 1;
  atomic_signal_fence(memory_order_seq_cst);
  kept->count = keepable ? count : 0;
}
