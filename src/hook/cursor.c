/* cursor.c -- the steps that few frames need. */

#include "hook/cursor.h"

/* Code without unwind information: it may keep a frame pointer, as compilers
   of the just-in-time kind do. The bounds on what is believed are libunwind's
   (src/x86_64/Gstep.c of 1.6), so that both see the same. */
static enum dm_walk_result
guess(struct dm_cursor *at)
{
  enum
  {
    FAR = 0x4000
  };
  uintptr_t rbp = at->rbp;
  at->pure = false;
  if (rbp == 0)
    return DM_WALK_END;
  if (rbp < at->rsp || rbp - at->rsp > FAR)
    return DM_WALK_END;
  if (!dm_cursor_reads(at, rbp) || !dm_cursor_reads(at, rbp + sizeof rbp))
    return DM_WALK_FAILED;
  const uintptr_t *frame = dm_cursor_word(rbp);
  at->pc = frame[1];
  at->rsp = rbp + 16;
  at->rbp = frame[0];
  at->rbp_slot = frame;
  at->interrupted = false;
  return at->pc == 0 ? DM_WALK_END : DM_WALK_ON;
}

/* Moves the cursor to the frame that a signal interrupted. It may be on
   another stack than THREAD's own. */
static enum dm_walk_result
through_signal(struct dm_cursor *at, dm_rule rule,
               const struct dm_thread *thread)
{
  uintptr_t context = at->rsp + (uintptr_t) dm_rule_offset(rule) * 8;
  uintptr_t saved = at->rsp + (uintptr_t) dm_rule_rbp_offset(rule) * 8;
  bool rbp_saved = dm_rule_rbp(rule) == DM_RBP_AT_RSP;
  if (!dm_cursor_reads(at, context) || !dm_cursor_reads(at, context + 8) ||
      (rbp_saved && !dm_cursor_reads(at, saved)))
    return DM_WALK_FAILED;
  uintptr_t rsp = *dm_cursor_word(context);
  uintptr_t pc = *dm_cursor_word(context + 8);
  if (rbp_saved)
    at->rbp = *dm_cursor_word(saved);
  at->straight = false;
  at->pc = pc;
  at->rsp = rsp;
  at->interrupted = true;
  at->high = dm_cursor_high(thread, rsp);
  return DM_WALK_ON;
}

/* Moves the cursor out of a realigned frame. */
static enum dm_walk_result
out_of_realigned(struct dm_cursor *at, dm_rule rule)
{
  uintptr_t place = at->rbp + (uintptr_t) dm_rule_offset(rule) * 8;
  return dm_cursor_reads(at, place)
             ? dm_cursor_leave(at, rule, *dm_cursor_word(place))
             : DM_WALK_FAILED;
}

enum dm_walk_result
dm_cursor_unusual_step(struct dm_cursor *at, dm_rule rule,
                       const struct dm_thread *thread)
{
  switch (dm_rule_kind(rule))
  {
  case DM_RULE_AT_RBP:
    return out_of_realigned(at, rule);
  case DM_RULE_SIGNAL:
    return through_signal(at, rule, thread);
  case DM_RULE_GUESS:
    return guess(at);
  case DM_RULE_END:
    return DM_WALK_END;
  case DM_RULE_OPAQUE:
    return DM_WALK_OPAQUE;
  default:
    return DM_WALK_FAILED;
  }
}
