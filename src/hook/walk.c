/* walk.c -- from the leaf of a call stack to its outermost frame. */

#include "hook/walk.h"

#include "hook/libunwind.h"

static inline dm_rule
rule_at(const struct dm_cursor *at)
{
  return dm_rule_find(at->pc - !at->interrupted);
}

/* The frame that the cursor is at, whose rule is RULE. */
static inline dm_frame
frame_at(const struct dm_cursor *at, dm_rule rule)
{
  return (at->pc & DM_FRAME_ADDRESS) |
         (at->interrupted ? DM_FRAME_INTERRUPTED : 0) |
         (uint64_t) dm_rule_module(rule) << DM_FRAME_MODULE_SHIFT;
}

/* Records the frame that the cursor is at, whose rule is RULE. */
static inline void
record_frame(struct dm_walk *walk, const struct dm_cursor *at, dm_rule rule)
{
  dm_frame frame = frame_at(at, rule);
  unsigned count = walk->count++;
  if (__builtin_expect(!walk->kept, 0))
  {
    walk->frames[count] = frame;
    return;
  }
  struct dm_kept_stack *kept = walk->kept;
  struct dm_kept_frame *fresh = &kept->fresh[kept->fresh_count++];
  fresh->slot = dm_cursor_word(at->rsp) - 1;
  fresh->rbp = at->rbp;
  fresh->rbp_slot = at->rbp_slot;
  fresh->frame = frame;
  fresh->rule = rule;
}

/* The cursor has reached the outermost frame, or one that is inside what is
   known of this thread's stack: then all from the caller up to there is one
   piece of it. */
static void
learn_stack(struct dm_walk *walk, bool outermost, uintptr_t static_tls)
{
  /* A thread's stack ends a little below its thread pointer. */
  enum
  {
    OUTERMOST = 8192
  };
  struct dm_thread *thread = walk->thread;
  uintptr_t start = (uintptr_t) dm_caller_slot(walk->caller);
  uintptr_t rsp = walk->at.rsp;
  if (outermost && rsp <= thread->pointer &&
      thread->pointer - rsp <= static_tls + OUTERMOST)
    thread->stack_high = rsp;
  else if (!(rsp >= thread->stack_low && rsp <= thread->stack_high))
    return;
  thread->stack_low = start;
}

/* Follows the stack beyond what is recorded, to learn where it ends. Or, on the
   thread's own, whether the walk that is said to be under way is one that we
   interrupt: not when it was further in and there is no signal's frame. (That
   it was further in is not enough: a handler may be on an alternate stack that
   is a variable of main's.) */
static void
look_for_end(struct dm_walk *walk, enum dm_walk_result result,
             uintptr_t static_tls)
{
  struct dm_cursor *at = &walk->at;
  for (unsigned i = 0; i < 10000 && result == DM_WALK_ON; i++)
  {
    if (!at->pure || !at->straight)
      return;
    if (at->high == 0 && at->rsp >= walk->thread->stack_low &&
        at->rsp <= walk->thread->stack_high)
    {
      learn_stack(walk, false, static_tls);
      return;
    }
    result = dm_cursor_step(at, rule_at(at), walk->thread);
  }
  if (result != DM_WALK_END || !at->pure || !at->straight)
    return;
  if (at->high == 0)
    learn_stack(walk, true, static_tls);
  else if (walk->thread->kept.walking <=
           (uintptr_t) dm_caller_slot(walk->caller))
    walk->thread->kept.walking = 0;
}

/* What libunwind says instead. */
static enum dm_walk_result
whole_stack(struct dm_walk *walk)
{
  uintptr_t addresses[DM_DEPTH_MAX + 1];
  bool interrupted[DM_DEPTH_MAX + 1];
  unsigned found = dm_libunwind_stack(&walk->caller, dm_walk_high(walk),
                                      addresses, interrupted, walk->depth + 1);
  if (found <= walk->count)
    return DM_WALK_FAILED;
  if (walk->kept)
  {
    walk->kept->count = 0;
    dm_walk_finish(walk);
    walk->kept = NULL;
  }
  for (walk->count = 0; walk->count < found && walk->count < walk->depth;
       walk->count++)
  {
    struct dm_cursor at = {.pc = addresses[walk->count],
                           .interrupted = interrupted[walk->count]};
    walk->frames[walk->count] = frame_at(&at, rule_at(&at));
  }
  return found > walk->depth ? DM_WALK_ON : DM_WALK_END;
}

void
dm_walk_start(struct dm_walk *walk, struct dm_thread *thread,
              struct dm_caller caller, unsigned depth, uint32_t generation)
{
  walk->thread = thread;
  walk->caller = caller;
  walk->at = (struct dm_cursor){
      .pc = dm_caller_address(caller),
      .rsp = (uintptr_t) (dm_caller_slot(caller) + 1),
      .rbp = caller.record[DM_CALLER_RBP],
      .high = dm_walk_high(walk),
      .pure = true,
      .straight = true,
  };
  walk->count = 0;
  walk->depth = depth;
  dm_kept_begin(walk, generation);
}

/* Whether the cursor stands where a kept frame stood, at KEPT_NEXT then, in the
   same state. */
static inline bool
meets(struct dm_walk *walk, const struct dm_cursor *at)
{
  const uintptr_t *slot = dm_cursor_word(at->rsp) - 1;
  const struct dm_kept_frame *frame = walk->thread->kept.frame;
  int i = walk->kept_next;
  while (i >= 0 && frame[i].slot < slot)
    i--;
  walk->kept_next = i;
  return i >= 0 && frame[i].slot == slot && dm_kept_pc(&frame[i]) == at->pc &&
         frame[i].rbp == at->rbp && frame[i].rbp_slot == at->rbp_slot &&
         at->straight;
}

enum dm_walk_result
dm_walk_stack(struct dm_walk *walk, uintptr_t static_tls)
{
  enum dm_walk_result result;
  struct dm_cursor at = walk->at;
  do
  {
    dm_rule rule = rule_at(&at);
    record_frame(walk, &at, rule);
    result = dm_cursor_step(&at, rule, walk->thread);
    if (result == DM_WALK_ON && walk->count < walk->depth && meets(walk, &at))
    {
      walk->at = at;
      result = dm_kept_resume(walk);
      at = walk->at;
    }
  } while (result == DM_WALK_ON && walk->count < walk->depth);

  walk->at = at;
  if (result == DM_WALK_OPAQUE &&
      (result = whole_stack(walk)) != DM_WALK_FAILED)
    return result;
  if (walk->kept)
    dm_kept_end(walk, result);
  else
    look_for_end(walk, result, static_tls);
  return result;
}

const dm_frame *
dm_walk_frames(struct dm_walk *walk)
{
  if (walk->kept)
    for (unsigned i = 0; i < walk->count; i++)
      walk->frames[i] = walk->kept->frame[walk->kept->met - (int) i].frame;
  return walk->frames;
}

void
dm_walk_finish(struct dm_walk *walk)
{
  if (walk->kept)
    walk->kept->walking = 0;
}
