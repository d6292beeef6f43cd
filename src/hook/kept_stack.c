/* kept_stack.c -- the last call stack of a thread, to start the next walk
   from. */

#include "hook/kept_stack.h"

#include "hook/walk.h"

void
dm_kept_begin(struct dm_walk *walk)
{
  struct dm_kept_stack *kept = &walk->thread->kept;
  uintptr_t slot = (uintptr_t) walk->caller.slot;
  walk->kept = NULL;
  if (!walk->bounded)
    return;
  /* A walk under way further out on this stack is one that we interrupt. One
     further in was left by a longjmp out of a signal handler. */
  if (kept->walking > slot)
  {
    dm_counter_add(&walk->thread->ledger->mishaps.nested, 1);
    walk->memorable = false;
    return;
  }
  kept->walking = slot;
  kept->met = -1;
  kept->fresh_count = 0;
  kept->keepable = true;
  walk->kept = kept;
  walk->kept_next = (int) kept->count - 1;
}

/* What rbp is now in the frame KEPT. */
static uintptr_t
current_rbp(const struct dm_walk *walk, const struct dm_kept_frame *frame)
{
  return frame->rbp_slot ? *frame->rbp_slot : walk->caller.rbp;
}

void
dm_kept_note(struct dm_walk *walk, dm_rule rule)
{
  struct dm_kept_stack *kept = walk->kept;
  if (!kept)
    return;
  enum dm_rule_kind kind = dm_rule_kind(rule);
  if (walk->interrupted || kept->fresh_count == DM_FRESH_MAX ||
      (kind != DM_RULE_RSP && kind != DM_RULE_RBP && kind != DM_RULE_END))
  {
    kept->keepable = false;
    return;
  }
  kept->fresh[kept->fresh_count++] = (struct dm_kept_frame){
      .slot = (const uintptr_t *) walk->rsp - 1,
      .pc = walk->pc,
      .rbp = walk->rbp,
      .rbp_slot = walk->rbp_slot,
      .frame = walk->frames[walk->count - 1],
      .by_rbp = kind == DM_RULE_RBP,
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

/* Whether the step out of the kept frame I leads to the one before it, as it
   did. */
static bool
leads_on(struct dm_walk *walk, int i)
{
  const struct dm_kept_frame *frame = &walk->kept->frame[i];
  if (i <= 0)
    return false;
  if (frame->by_rbp && current_rbp(walk, frame) != frame->rbp)
    return false;
  return *frame[-1].slot == frame[-1].pc;
}

/* Rules go on from the kept frame I, which is recorded. What was taken over
   from MET to there counts as new, for it will not stand where it stood. */
static enum dm_walk_result
go_on_by_rules(struct dm_walk *walk, int met, int i)
{
  struct dm_kept_stack *kept = walk->kept;
  for (int j = met; j >= i; j--)
  {
    struct dm_kept_frame *frame = &kept->frame[j];
    frame->rbp = current_rbp(walk, frame);
    if (kept->fresh_count == DM_FRESH_MAX)
      kept->keepable = false;
    else
      kept->fresh[kept->fresh_count++] = *frame;
  }
  const struct dm_kept_frame *frame = &kept->frame[i];
  walk->pc = frame->pc;
  walk->rsp = (uintptr_t) (frame->slot + 1);
  walk->rbp = frame->rbp;
  walk->rbp_slot = frame->rbp_slot;
  walk->kept_next = i - 1;
  kept->met = -1;
  return dm_walk_step(walk, dm_rule_find(walk->pc - 1));
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

  for (int i = met; i >= 0; i--)
  {
    const struct dm_kept_frame *frame = &kept->frame[i];
    walk->frames[walk->count++] = frame->frame;
    kept->met = met;
    if (i == 0 && kept->complete)
      return DM_WALK_END;
    if (i > 0 && walk->count == walk->depth)
      return DM_WALK_ON;
    if (!leads_on(walk, i))
      return go_on_by_rules(walk, met, i);
    if (frame->by_rbp)
    {
      walk->rbp_slot = frame->rbp_slot;
      dm_walk_depend_on_rbp(walk);
    }
    dm_walk_depend_on(walk, frame[-1].slot);
  }
  return DM_WALK_ON;
}

void
dm_kept_end(struct dm_walk *walk, enum dm_walk_result result)
{
  struct dm_kept_stack *kept = walk->kept;
  if (!kept)
    return;
  bool kept_before = kept->met >= 0;
  unsigned count = kept_before ? (unsigned) kept->met + 1 : 0;
  if (!kept->keepable || result == DM_WALK_FAILED ||
      count + kept->fresh_count > DM_KEPT_MAX)
  {
    dm_kept_drop(walk);
    return;
  }
  for (unsigned i = kept->fresh_count; i-- > 0;)
    kept->frame[count++] = kept->fresh[i];
  kept->count = count;
  if (!kept_before)
    kept->complete = result == DM_WALK_END && walk->pc != 0;
}

void
dm_kept_drop(struct dm_walk *walk)
{
  if (walk->kept)
    walk->kept->count = 0;
}
