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
  uintptr_t slot = (uintptr_t) dm_caller_slot(walk->caller);
  walk->kept = NULL;
  walk->memorable = false;
  if (!walk->bounded)
    return;
  /* A walk under way further out on this stack is one that we interrupt. One
     further in was left by a longjmp out of a signal handler. */
  if (kept->walking > slot)
  {
    dm_counter_add(&walk->thread->ledger->mishaps.nested, 1);
    return;
  }
  kept->walking = slot;
  kept->met = -1;
  kept->fresh_count = 0;
  kept->keepable = true;
  if (kept->generation != generation)
    kept->count = 0;
  kept->generation = generation;
  walk->kept = kept;
  walk->kept_next = (int) kept->count - 1;
  walk->memorable = true;
}

/* What rbp is now in the frame KEPT. */
static uintptr_t
current_rbp(const struct dm_walk *walk, const struct dm_kept_frame *frame)
{
  return *dm_walk_rbp_slot(walk, frame);
}

void
dm_kept_note(struct dm_walk *walk, dm_rule rule, dm_frame frame)
{
  struct dm_kept_stack *kept = walk->kept;
  enum dm_rule_kind kind = dm_rule_kind(rule);
  if (walk->interrupted || (kind != DM_RULE_RSP && kind != DM_RULE_RBP &&
                            kind != DM_RULE_END))
    kept->keepable = false;
  uintptr_t data = walk->rbp + (uintptr_t) dm_rule_offset(rule) * sizeof data;
  kept->fresh[kept->fresh_count++] = (struct dm_kept_frame){
      .slot = (const uintptr_t *) walk->rsp - 1,
      .pc = walk->pc,
      .rbp = walk->rbp,
      .rbp_slot = walk->rbp_slot,
      .data = kind == DM_RULE_AT_RBP ? (const uintptr_t *) data : NULL,
      .frame = frame,
      .by_rbp = kind == DM_RULE_RBP || kind == DM_RULE_AT_RBP ||
                kind == DM_RULE_GUESS,
  };
}

/* The kept frame that the cursor stands at, in the same state, or -1. */
static int
meet(struct dm_walk *walk)
{
  const struct dm_kept_stack *kept = walk->kept;
  const uintptr_t *slot = (const uintptr_t *) walk->rsp - 1;
  int i = walk->kept_next;
  while (i >= 0 && kept->frame[i].slot < slot)
    i--;
  walk->kept_next = i;
  if (i < 0)
    return -1;
  const struct dm_kept_frame *frame = &kept->frame[i];
  return frame->slot == slot && frame->pc == walk->pc &&
                 frame->rbp == walk->rbp && frame->rbp_slot == walk->rbp_slot
             ? i
             : -1;
}

/* Whether the step out of the kept frame I, which is not the first, leads to the
   one before it, as it did. */
static bool
leads_on(const struct dm_walk *walk, int i)
{
  const struct dm_kept_frame *frame = &walk->kept->frame[i];
  if (frame->by_rbp && current_rbp(walk, frame) != frame->rbp)
    return false;
  return *frame[-1].slot == frame[-1].pc;
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
  walk->pc = frame->pc;
  walk->rsp = (uintptr_t) (frame->slot + 1);
  walk->rbp = current_rbp(walk, frame);
  walk->rbp_slot = frame->rbp_slot;
  walk->kept_next = i - 1;
  kept->met = -1;
}

enum dm_walk_result
dm_kept_resume(struct dm_walk *walk)
{
  struct dm_kept_stack *kept = walk->kept;
  if (!kept || !walk->bounded || !walk->straight)
    return DM_WALK_ON;
  int met = meet(walk);
  if (met < 0)
    return DM_WALK_ON;

  kept->met = met;
  for (int i = met; i > 0; i--)
  {
    walk->count++;
    if (!leads_on(walk, i))
    {
      stand_at(walk, i, met, i);
      return dm_walk_step(walk, dm_rule_find(walk->pc - 1));
    }
    if (kept->frame[i - 1].pc == 0)
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
  uint64_t way = 0;
  if (frame->by_rbp)
    way = ((uintptr_t) frame->rbp_slot | 1) << 24;
  if (frame->data)
    way = ~way ^ (uintptr_t) frame->data << 17;
  if (beyond)
    way ^= (uintptr_t) beyond->slot ^ (dm_memo_is_factor(beyond->pc) ? 0 : 2);
  return way;
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
  if (!kept)
    return;
  unsigned count = (unsigned) (kept->met + 1);
  /* Nothing is kept while frames are being moved: a signal handler may leave by
     a jump. */
  kept->count = 0;
  atomic_signal_fence(memory_order_seq_cst);
  if (count == 0)
  {
    kept->complete = result == DM_WALK_END && walk->pc != 0;
    if (!kept->complete && result != DM_WALK_FAILED)
      add_frame(kept, count++,
                &(struct dm_kept_frame){
                    .slot = (const uintptr_t *) walk->rsp - 1,
                    .pc = walk->pc,
                    .rbp = walk->rbp,
                    .rbp_slot = walk->rbp_slot,
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
  while (kept->fresh_count > 0)
    add_frame(kept, count++, &kept->fresh[--kept->fresh_count]);
  walk->leaf = (int) count - 1;
  atomic_signal_fence(memory_order_seq_cst);
  kept->count = kept->keepable && result != DM_WALK_FAILED ? count : 0;
}
