/* unwind.c -- the call stack of an allocation, as a callsite number. */

#include "hook/unwind.h"

#include <string.h>

#include "base/config.h"
#include "books/callsites.h"
#include "hook/frame_rules.h"

bool dm_unwind_verify;

static unsigned depth;
static uintptr_t tls_size;

void
dm_unwind_init(unsigned frames, bool verify, uintptr_t static_tls)
{
  depth = frames;
  dm_unwind_verify = verify;
  tls_size = static_tls;
}

enum
{
  PAGE = 4096
};

/* One walk. The cursor is the frame that stands at PC, with its registers; SP
   is the stack pointer that it will have when its callee has returned. */
struct walk
{
  struct dm_thread *thread;
  struct dm_caller caller;

  uintptr_t pc, rsp, rbp;
  bool interrupted;          /* PC is the very instruction */
  const uintptr_t *rbp_slot; /* where RBP was loaded from; NULL: it is still
                                in the register */

  dm_frame frames[DM_DEPTH_MAX];
  unsigned count;

  /* What decided this walk, for the memo. */
  uint16_t slots[DM_MEMO_SLOTS];
  unsigned slot_count;
  bool uses_rbp;
  bool memorable;

  bool pure;     /* by unwind information alone so far */
  bool straight; /* through no signal frame so far */
  bool bounded;  /* all up to the stack's HIGH may be read */
};

enum walk_result
{
  WALK_ON,
  WALK_END,    /* the outermost frame */
  WALK_FAILED, /* nobody knows how it goes on */
  WALK_OPAQUE  /* libunwind knows */
};

/* Notes that the walk depended on the word at SLOT. */
static void
depend_on(struct walk *walk, const uintptr_t *slot)
{
  ptrdiff_t place = slot - walk->caller.slot;
  if (place < 0 || place > UINT16_MAX || walk->slot_count == DM_MEMO_SLOTS)
    walk->memorable = false;
  else
    walk->slots[walk->slot_count++] = (uint16_t) place;
}

static void
depend_on_rbp(struct walk *walk)
{
  if (walk->rbp_slot)
    depend_on(walk, walk->rbp_slot);
  else
    walk->uses_rbp = true;
}

/* Whether the word at ADDRESS may be read: above the frame that the cursor is
   at, and below the end of the stack. Where that end is not known, unwind
   information vouches for the address; after a guess nothing does but its
   being on the page that was read last. */
static bool
readable(const struct walk *walk, uintptr_t address)
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
static enum walk_result
guess(struct walk *walk)
{
  enum
  {
    FAR = 0x4000
  };
  uintptr_t rbp = walk->rbp;
  depend_on_rbp(walk);
  walk->pure = false;
  if (rbp == 0)
    return WALK_END;
  if (rbp < walk->rsp || rbp - walk->rsp > FAR)
    return WALK_END;
  if (!readable(walk, rbp) || !readable(walk, rbp + sizeof rbp))
    return WALK_FAILED;
  const uintptr_t *frame = word_at(rbp);
  depend_on(walk, frame + 1);
  walk->pc = frame[1];
  walk->rsp = rbp + 16;
  walk->rbp = frame[0];
  walk->rbp_slot = frame;
  walk->interrupted = false;
  return walk->pc == 0 ? WALK_END : WALK_ON;
}

/* Moves the cursor to the frame that a signal interrupted. It may be on
   another stack. */
static enum walk_result
through_signal(struct walk *walk, dm_rule rule)
{
  const uintptr_t *context =
      word_at(walk->rsp + (uintptr_t) dm_rule_offset(rule) * 8);
  if (!readable(walk, (uintptr_t) (context + 1)))
    return WALK_FAILED;
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
  return WALK_ON;
}

/* Moves the cursor to the caller's frame. */
static enum walk_result
step(struct walk *walk, dm_rule rule)
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
    depend_on_rbp(walk);
    break;
  case DM_RULE_AT_RBP:
    if (!readable(walk, rbp + offset))
      return WALK_FAILED;
    cfa = *word_at(rbp + offset);
    depend_on_rbp(walk);
    depend_on(walk, word_at(rbp + offset));
    break;
  case DM_RULE_SIGNAL:
    return through_signal(walk, rule);
  case DM_RULE_GUESS:
    return guess(walk);
  case DM_RULE_END:
    return WALK_END;
  case DM_RULE_OPAQUE:
    return WALK_OPAQUE;
  default:
    return WALK_FAILED;
  }

  /* A stack only goes up. */
  uintptr_t slot = cfa - sizeof(uintptr_t);
  if (!readable(walk, slot))
    return WALK_FAILED;

  if (dm_rule_rbp(rule) != DM_RBP_SAME)
  {
    uintptr_t base = dm_rule_rbp(rule) == DM_RBP_AT_CFA   ? cfa
                     : dm_rule_rbp(rule) == DM_RBP_AT_RSP ? rsp
                                                          : rbp;
    uintptr_t saved = base + (uintptr_t) dm_rule_rbp_offset(rule) * 8;
    if (!readable(walk, saved))
      return WALK_FAILED;
    walk->rbp_slot = word_at(saved);
    walk->rbp = *walk->rbp_slot;
  }
  depend_on(walk, word_at(slot));
  walk->pc = *word_at(slot);
  walk->rsp = cfa;
  walk->interrupted = false;
  return walk->pc == 0 ? WALK_END : WALK_ON;
}

/* The rule of the frame that the cursor is at, which is recorded. */
static dm_rule
record_frame(struct walk *walk)
{
  dm_rule rule = dm_rule_find(walk->pc - !walk->interrupted);
  walk->frames[walk->count++] = (walk->pc & ((UINT64_C(1) << 48) - 1)) |
                                (walk->interrupted ? DM_FRAME_INTERRUPTED : 0) |
                                (uint64_t) dm_rule_module(rule)
                                    << DM_FRAME_MODULE_SHIFT;
  return rule;
}

/* The cursor has reached the outermost frame, or one that is inside what is
   known of this thread's stack: then all from the caller up to there is one
   piece of it. */
static void
learn_stack(struct walk *walk, bool outermost)
{
  /* A thread's stack ends a little below its thread pointer. */
  enum
  {
    OUTERMOST = 8192
  };
  struct dm_thread *thread = walk->thread;
  uintptr_t start = (uintptr_t) walk->caller.slot;
  if (outermost && walk->rsp <= thread->pointer &&
      thread->pointer - walk->rsp <= tls_size + OUTERMOST)
    thread->stack_high = walk->rsp;
  else if (!(walk->rsp >= thread->stack_low && walk->rsp <= thread->stack_high))
    return;
  thread->stack_low = start;
}

/* Follows the stack beyond what is recorded, to learn where it ends. */
static void
look_for_end(struct walk *walk, enum walk_result result)
{
  for (unsigned i = 0; i < 10000 && result == WALK_ON; i++)
  {
    if (!walk->pure || !walk->straight)
      return;
    if (walk->rsp >= walk->thread->stack_low &&
        walk->rsp <= walk->thread->stack_high)
    {
      learn_stack(walk, false);
      return;
    }
    result = step(walk, dm_rule_find(walk->pc - !walk->interrupted));
  }
  if (result == WALK_END && walk->pure && walk->straight)
    learn_stack(walk, true);
}

/* What libunwind says instead. */
static enum walk_result
whole_stack(struct walk *walk)
{
  uintptr_t addresses[DM_DEPTH_MAX + 1];
  bool interrupted[DM_DEPTH_MAX + 1];
  uintptr_t high = walk->bounded ? walk->thread->stack_high : 0;
  unsigned found = dm_rules_whole_stack(&walk->caller, high, addresses,
                                        interrupted, depth + 1);
  walk->memorable = false;
  if (found <= walk->count)
    return WALK_FAILED;
  for (walk->count = 0; walk->count < found && walk->count < depth;)
  {
    walk->pc = addresses[walk->count];
    walk->interrupted = interrupted[walk->count];
    record_frame(walk);
  }
  return found > depth ? WALK_ON : WALK_END;
}

static enum walk_result
walk_stack(struct walk *walk)
{
  for (;;)
  {
    enum walk_result result = step(walk, record_frame(walk));
    if (result == WALK_OPAQUE)
      return whole_stack(walk);
    if (result == WALK_ON && walk->count < depth)
      continue;
    if (!walk->bounded)
      look_for_end(walk, result);
    return result;
  }
}

/* Compares what was walked with libunwind's own stack, and the callsite that
   it led to with what the memo says. */
static void
verify(struct walk *walk, enum walk_result result, uint32_t callsite,
       uint64_t key)
{
  struct dm_thread *thread = walk->thread;
  uintptr_t addresses[DM_DEPTH_MAX];
  bool interrupted[DM_DEPTH_MAX];
  uintptr_t high = walk->bounded ? thread->stack_high : 0;
  unsigned found =
      dm_rules_whole_stack(&walk->caller, high, addresses, interrupted, depth);
  bool same = found == walk->count && result != WALK_FAILED;
  for (unsigned i = 0; same && i < found; i++)
    same = (addresses[i] & ((UINT64_C(1) << 48) - 1)) ==
           dm_frame_address(walk->frames[i]);

  for (unsigned way = 0; way < 2; way++)
  {
    const struct dm_shape *shape = dm_memo_shape(&thread->memo, key) + way;
    const struct dm_memo_stack *stack =
        dm_unwind_recall(thread, shape, walk->caller, key);
    same = same && (!stack || stack->callsite == callsite);
  }

  struct dm_mishaps *mishaps = &thread->ledger->mishaps;
  dm_counter_add(&mishaps->verified, 1);
  if (!same)
    dm_counter_add(&mishaps->differing, 1);
}

/* Whether SHAPE is what WALK went by. */
static bool
has_shape(const struct dm_shape *shape, const struct walk *walk, uint64_t key)
{
  return shape->key == key && (shape->rbp_mask != 0) == walk->uses_rbp &&
         shape->count == (walk->slot_count + 3) / 4 * 4 &&
         memcmp(shape->slot, walk->slots,
                walk->slot_count * sizeof *walk->slots) == 0;
}

/* Writes what WALK went by to SHAPE. */
static void
write_shape(struct dm_shape *shape, const struct walk *walk, uint64_t key)
{
  struct dm_thread *thread = walk->thread;
  uint32_t walks = ++thread->walks;
  shape->key = 0;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);

  unsigned count = walk->slot_count;
  uint16_t last = 0;
  uint64_t seed = key;
  for (unsigned i = 0; i < count; i++)
  {
    shape->slot[i] = walk->slots[i];
    seed = (seed ^ walk->slots[i]) * UINT64_C(0x9e3779b97f4a7c15);
    if (walk->slots[i] > last)
      last = walk->slots[i];
  }
  for (; count % 4 != 0; count++)
    shape->slot[count] = last;
  shape->count = (uint16_t) count;
  shape->last = last;
  shape->rbp_mask = walk->uses_rbp ? -1 : 0;
  shape->seed = seed ^ seed >> 32 ^ walk->uses_rbp;

  /* A signal handler that wrote meanwhile shows in the count. */
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (thread->walks == walks)
    shape->key = key;
}

/* Keeps WALK, which led to CALLSITE, for the next time. */
static void
memorize(const struct walk *walk, uint64_t key, uint32_t callsite, bool cut)
{
  struct dm_memo *memo = &walk->thread->memo;
  struct dm_shape *shape = dm_memo_shape(memo, key);
  if (!has_shape(shape, walk, key) && !has_shape(++shape, walk, key))
  {
    /* The newer of the pair stands first; the older one goes. */
    shape[0] = shape[-1];
    write_shape(--shape, walk, key);
  }
  uint64_t hash = dm_memo_hash(shape, walk->caller);
  struct dm_memo_stack *stack = dm_memo_stack(memo, hash);
  stack->callsite = callsite;
  stack->cut = cut;
  stack->unusual = cut || dm_unwind_verify;
  stack->tag = dm_memo_tag(hash, callsite);
}

static uint32_t
walk_to_callsite(struct dm_thread *thread, struct dm_caller caller,
                 uint64_t key)
{
  uintptr_t slot = (uintptr_t) caller.slot;
  struct walk walk;
  walk.thread = thread;
  walk.caller = caller;
  walk.pc = *caller.slot;
  walk.rsp = slot + sizeof(uintptr_t);
  walk.rbp = caller.rbp;
  walk.interrupted = false;
  walk.rbp_slot = NULL;
  walk.count = 0;
  walk.slot_count = 0;
  walk.uses_rbp = false;
  walk.memorable = true;
  walk.pure = true;
  walk.straight = true;
  walk.bounded = slot >= thread->stack_low && slot < thread->stack_high;
  depend_on(&walk, caller.slot);

  bool started_bounded = walk.bounded;
  enum walk_result result = walk_stack(&walk);
  struct dm_mishaps *mishaps = &thread->ledger->mishaps;
  if (result == WALK_FAILED)
    dm_counter_add(&mishaps->unwind_failed, 1);
  if (result == WALK_ON)
    dm_counter_add(&mishaps->stacks_cut, 1);

  uint32_t callsite = dm_callsites_find(walk.frames, walk.count);
  if (dm_unwind_verify)
    verify(&walk, result, callsite, key);
  /* A failed walk may do better next time; one on a stack that is not this
     thread's own would be read without bounds. */
  if (walk.memorable && started_bounded && result != WALK_FAILED)
    memorize(&walk, key, callsite, result == WALK_ON);
  return callsite;
}

uint32_t
dm_unwind_unusual(struct dm_thread *thread, struct dm_caller caller,
                  uint64_t key)
{
  struct dm_shape *shape = dm_memo_shape(&thread->memo, key);
  for (unsigned way = 0; way < 2 && !dm_unwind_verify; way++)
  {
    const struct dm_memo_stack *stack =
        dm_unwind_recall(thread, shape + way, caller, key);
    if (!stack)
      continue;
    if (stack->cut)
      dm_counter_add(&thread->ledger->mishaps.stacks_cut, 1);
    return stack->callsite;
  }
  return walk_to_callsite(thread, caller, key);
}
