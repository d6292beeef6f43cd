/* cursor.h -- a frame, and the step to its caller by a frame rule.

   Whoever walks keeps the cursor in a variable of its own, so that it stays in
   registers from step to step. */

#ifndef DM_HOOK_CURSOR_H
#define DM_HOOK_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sys.h"
#include "hook/frame_rules.h"
#include "hook/thread.h"

/* What a step leads to, and with it a walk. */
enum dm_walk_result
{
  DM_WALK_ON,     /* there are more frames */
  DM_WALK_END,    /* that was the outermost */
  DM_WALK_FAILED, /* nobody knows how it goes on */
  DM_WALK_OPAQUE  /* libunwind knows */
};

/* The frame that stands at PC, with its registers; RSP is the stack pointer
   that it will have when its callee has returned. */
struct dm_cursor
{
  uintptr_t pc, rsp, rbp;
  const uintptr_t *rbp_slot; /* where RBP was loaded from; NULL: it is still
                                in the register */
  uintptr_t high;   /* the end of the stack, if all up to there may be read; 0:
                       it is not known */
  bool interrupted; /* PC is the very instruction */
  bool pure;        /* by unwind information alone so far */
  bool straight;    /* through no signal frame so far */
};

/* The HIGH of a cursor at ADDRESS: that of THREAD's own stack, or 0. */
static inline uintptr_t
dm_cursor_high(const struct dm_thread *thread, uintptr_t address)
{
  bool own = address >= thread->stack_low && address < thread->stack_high;
  return own ? thread->stack_high : 0;
}

/* The word at ADDRESS. */
static inline const uintptr_t *
dm_cursor_word(uintptr_t address)
{
  return (const uintptr_t *) address;
}

/* The slow half of the next, where the cursor is INTERRUPTED and RSP: what was
   taken from the stack before a signal came lies below it, in the red zone, and
   unwind information goes on to name it. */
static inline bool
dm_cursor_reads_below(bool interrupted, uintptr_t rsp, uintptr_t address)
{
  enum
  {
    RED_ZONE = 128
  };
  return interrupted && rsp - address <= RED_ZONE &&
         dm_sys_can_read(dm_cursor_word(address));
}

/* Whether the word at ADDRESS may be read: above the frame that the cursor is
   at, and below the end of the stack. Where that end is not known, unwind
   information does not vouch for it: it goes on beyond the top of a stack that
   was not begun by a call. Then all of the page may be read on which the last
   return address was found; of others the kernel is asked. */
static inline bool
dm_cursor_reads(const struct dm_cursor *at, uintptr_t address)
{
  enum
  {
    PAGE = 4096
  };
  if (address % sizeof(uintptr_t) != 0)
    return false;
  if (__builtin_expect(address < at->rsp, 0))
    return dm_cursor_reads_below(at->interrupted, at->rsp, address);
  if (__builtin_expect(at->high != 0, 1))
    return address + sizeof(uintptr_t) <= at->high;
  bool near = !at->interrupted && (address ^ (at->rsp - 1)) < PAGE;
  return near || dm_sys_can_read(dm_cursor_word(address));
}

/* Moves the cursor to the caller, whose frame is at CFA, by RULE. */
static inline __attribute__((always_inline)) enum dm_walk_result
dm_cursor_leave(struct dm_cursor *at, dm_rule rule, uintptr_t cfa)
{
  /* A stack only goes up. */
  uintptr_t slot = cfa - sizeof(uintptr_t);
  if (!dm_cursor_reads(at, slot))
    return DM_WALK_FAILED;
  if (dm_rule_rbp(rule) != DM_RBP_SAME)
  {
    uintptr_t base = dm_rule_rbp(rule) == DM_RBP_AT_CFA   ? cfa
                     : dm_rule_rbp(rule) == DM_RBP_AT_RSP ? at->rsp
                                                          : at->rbp;
    uintptr_t saved = base + (uintptr_t) dm_rule_rbp_offset(rule) * 8;
    if (!dm_cursor_reads(at, saved))
      return DM_WALK_FAILED;
    at->rbp_slot = dm_cursor_word(saved);
    at->rbp = *at->rbp_slot;
  }
  at->pc = *dm_cursor_word(slot);
  at->rsp = cfa;
  at->interrupted = false;
  return at->pc == 0 ? DM_WALK_END : DM_WALK_ON;
}

/* The slow half of the next. */
enum dm_walk_result dm_cursor_unusual_step(struct dm_cursor *at, dm_rule rule,
                                           const struct dm_thread *thread);

/* Moves the cursor, on a stack of THREAD, to the caller of its frame, whose
   rule is RULE. */
static inline __attribute__((always_inline)) enum dm_walk_result
dm_cursor_step(struct dm_cursor *at, dm_rule rule,
               const struct dm_thread *thread)
{
  uintptr_t offset = (uintptr_t) dm_rule_offset(rule) * sizeof(uintptr_t);
  if (dm_rule_kind(rule) == DM_RULE_RSP)
    return dm_cursor_leave(at, rule, at->rsp + offset);
  if (dm_rule_kind(rule) == DM_RULE_RBP)
    return dm_cursor_leave(at, rule, at->rbp + offset);
  struct dm_cursor copy = *at; /* in memory */
  enum dm_walk_result result = dm_cursor_unusual_step(&copy, rule, thread);
  *at = copy;
  return result;
}

#endif
