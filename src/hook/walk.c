/* walk.c -- from the leaf of a call stack to its outermost frame. */

#include "hook/walk.h"

#include "hook/libunwind.h"

enum
{
  PAGE = 4096
};

/* Whether the word at ADDRESS may be read: above the frame that the cursor is
   at, and below the end of the stack. Where that end is not known, unwind
   information vouches for the address; after a guess nothing does but its
   being on the page that was read last. */
static bool
readable(const struct dm_walk *walk, uintptr_t address)
{
  if (address % sizeof(uintptr_t) != 0 || address < walk->rsp)
    return false;
  if (walk->bounded)
    return address + sizeof(uintptr_t) <= walk->thread->stack_high;
  return walk->pure || (address ^ (walk->rsp - 1)) < PAGE;
}

static const uintptr_t *
word_at(uintptr_t address)
{
  return (const uintptr_t *) address;
}

/* Code without unwind information: it may keep a frame pointer, as compilers
   of the just-in-time kind do. The bounds on what is believed are libunwind's
   (src/x86_64/Gstep.c of 1.6), so that both see the same. */
static enum dm_walk_result
guess(struct dm_walk *walk)
{
  enum
  {
    FAR = 0x4000
  };
  uintptr_t rbp = walk->rbp;
  walk->pure = false;
  if (rbp == 0)
    return DM_WALK_END;
  if (rbp < walk->rsp || rbp - walk->rsp > FAR)
    return DM_WALK_END;
  if (!readable(walk, rbp) || !readable(walk, rbp + sizeof rbp))
    return DM_WALK_FAILED;
  const uintptr_t *frame = word_at(rbp);
  walk->pc = frame[1];
  walk->rsp = rbp + 16;
  walk->rbp = frame[0];
  walk->rbp_slot = frame;
  walk->interrupted = false;
  return walk->pc == 0 ? DM_WALK_END : DM_WALK_ON;
}

/* Moves the cursor to the frame that a signal interrupted. It may be on
   another stack. */
static enum dm_walk_result
through_signal(struct dm_walk *walk, dm_rule rule)
{
  const uintptr_t *context =
      word_at(walk->rsp + (uintptr_t) dm_rule_offset(rule) * 8);
  if (!readable(walk, (uintptr_t) (context + 1)))
    return DM_WALK_FAILED;
  uintptr_t rsp = context[0];
  uintptr_t pc = context[1];
  if (dm_rule_rbp(rule) == DM_RBP_AT_RSP)
    walk->rbp = *word_at(walk->rsp + (uintptr_t) dm_rule_rbp_offset(rule) * 8);
  walk->memorable = false;
  walk->straight = false;
  walk->pc = pc;
  walk->rsp = rsp;
  walk->interrupted = true;
  walk->bounded =
      rsp >= walk->thread->stack_low && rsp < walk->thread->stack_high;
  return DM_WALK_ON;
}

enum dm_walk_result
dm_walk_step(struct dm_walk *walk, dm_rule rule)
{
  uintptr_t rsp = walk->rsp, rbp = walk->rbp;
  uintptr_t offset = (uintptr_t) dm_rule_offset(rule) * sizeof(uintptr_t);
  uintptr_t cfa;
  switch (dm_rule_kind(rule))
  {
  case DM_RULE_RSP:
    cfa = rsp + offset;
    break;
  case DM_RULE_RBP:
    cfa = rbp + offset;
    break;
  case DM_RULE_AT_RBP:
    if (!readable(walk, rbp + offset))
      return DM_WALK_FAILED;
    cfa = *word_at(rbp + offset);
    break;
  case DM_RULE_SIGNAL:
    return through_signal(walk, rule);
  case DM_RULE_GUESS:
    return guess(walk);
  case DM_RULE_END:
    return DM_WALK_END;
  case DM_RULE_OPAQUE:
    return DM_WALK_OPAQUE;
  default:
    return DM_WALK_FAILED;
  }

  /* A stack only goes up. */
  uintptr_t slot = cfa - sizeof(uintptr_t);
  if (!readable(walk, slot))
    return DM_WALK_FAILED;

  if (dm_rule_rbp(rule) != DM_RBP_SAME)
  {
    uintptr_t base = dm_rule_rbp(rule) == DM_RBP_AT_CFA   ? cfa
                     : dm_rule_rbp(rule) == DM_RBP_AT_RSP ? rsp
                                                          : rbp;
    uintptr_t saved = base + (uintptr_t) dm_rule_rbp_offset(rule) * 8;
    if (!readable(walk, saved))
      return DM_WALK_FAILED;
    walk->rbp_slot = word_at(saved);
    walk->rbp = *walk->rbp_slot;
  }
  walk->pc = *word_at(slot);
  walk->rsp = cfa;
  walk->interrupted = false;
  return walk->pc == 0 ? DM_WALK_END : DM_WALK_ON;
}

/* The frame that the cursor is at, whose rule is RULE. */
static dm_frame
frame_at(const struct dm_walk *walk, dm_rule rule)
{
  return (walk->pc & ((UINT64_C(1) << 48) - 1)) |
         (walk->interrupted ? DM_FRAME_INTERRUPTED : 0) |
         (uint64_t) dm_rule_module(rule) << DM_FRAME_MODULE_SHIFT;
}

static dm_rule
rule_at(const struct dm_walk *walk)
{
  return dm_rule_find(walk->pc - !walk->interrupted);
}

/* The rule of the frame that the cursor is at, which is recorded. */
static dm_rule
record_frame(struct dm_walk *walk)
{
  dm_rule rule = rule_at(walk);
  dm_frame frame = frame_at(walk, rule);
  if (walk->kept)
    dm_kept_note(walk, rule, frame);
  else
    walk->frames[walk->count] = frame;
  walk->count++;
  return rule;
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
  if (outermost && walk->rsp <= thread->pointer &&
      thread->pointer - walk->rsp <= static_tls + OUTERMOST)
    thread->stack_high = walk->rsp;
  else if (!(walk->rsp >= thread->stack_low && walk->rsp <= thread->stack_high))
    return;
  thread->stack_low = start;
}

/* Follows the stack beyond what is recorded, to learn where it ends. */
static void
look_for_end(struct dm_walk *walk, enum dm_walk_result result,
             uintptr_t static_tls)
{
  for (unsigned i = 0; i < 10000 && result == DM_WALK_ON; i++)
  {
    if (!walk->pure || !walk->straight)
      return;
    if (walk->rsp >= walk->thread->stack_low &&
        walk->rsp <= walk->thread->stack_high)
    {
      learn_stack(walk, false, static_tls);
      return;
    }
    result = dm_walk_step(walk, rule_at(walk));
  }
  if (result == DM_WALK_END && walk->pure && walk->straight)
    learn_stack(walk, true, static_tls);
}

/* What libunwind says instead. */
static enum dm_walk_result
whole_stack(struct dm_walk *walk)
{
  uintptr_t addresses[DM_DEPTH_MAX + 1];
  bool interrupted[DM_DEPTH_MAX + 1];
  uintptr_t high = walk->bounded ? walk->thread->stack_high : 0;
  unsigned found = dm_libunwind_stack(&walk->caller, high, addresses,
                                      interrupted, walk->depth + 1);
  walk->memorable = false;
  if (found <= walk->count)
    return DM_WALK_FAILED;
  if (walk->kept)
    walk->kept->count = 0;
  for (walk->count = 0; walk->count < found && walk->count < walk->depth;
       walk->count++)
  {
    walk->pc = addresses[walk->count];
    walk->interrupted = interrupted[walk->count];
    walk->frames[walk->count] = frame_at(walk, rule_at(walk));
  }
  return found > walk->depth ? DM_WALK_ON : DM_WALK_END;
}

void
dm_walk_start(struct dm_walk *walk, struct dm_thread *thread,
              struct dm_caller caller, unsigned depth, uint32_t generation)
{
  uintptr_t slot = (uintptr_t) dm_caller_slot(caller);
  walk->thread = thread;
  walk->caller = caller;
  walk->pc = dm_caller_address(caller);
  walk->rsp = slot + sizeof slot;
  walk->rbp = caller.record[DM_CALLER_RBP];
  walk->interrupted = false;
  walk->rbp_slot = NULL;
  walk->count = 0;
  walk->depth = depth;
  walk->pure = true;
  walk->straight = true;
  walk->bounded = slot >= thread->stack_low && slot < thread->stack_high;
  walk->leaf = -1;
  dm_kept_begin(walk, generation);
}

enum dm_walk_result
dm_walk_stack(struct dm_walk *walk, uintptr_t static_tls)
{
  enum dm_walk_result result;
  do
  {
    result = dm_walk_step(walk, record_frame(walk));
    if (result == DM_WALK_OPAQUE &&
        (result = whole_stack(walk)) != DM_WALK_FAILED)
      return result;
    if (result == DM_WALK_ON && walk->count < walk->depth)
      result = dm_kept_resume(walk);
  } while (result == DM_WALK_ON && walk->count < walk->depth);

  dm_kept_end(walk, result);
  if (!walk->bounded)
    look_for_end(walk, result, static_tls);
  return result;
}

const dm_frame *
dm_walk_frames(struct dm_walk *walk)
{
  for (int i = walk->leaf; i >= 0 && walk->leaf - i < (int) walk->count; i--)
    walk->frames[walk->leaf - i] = walk->kept->frame[i].frame;
  return walk->frames;
}

void
dm_walk_finish(struct dm_walk *walk)
{
  if (walk->kept)
    walk->kept->walking = 0;
}
