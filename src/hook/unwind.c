/* unwind.c -- the call stack of an allocation, as the cell it is counted in. */

#include "hook/unwind.h"

#include <string.h>

#include "base/config.h"
#include "books/callsites.h"
#include "books/modules.h"
#include "hook/libunwind.h"
#include "hook/walk.h"

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

/* Compares what was walked with libunwind's own stack, and the cell that it led
   to with what the memo says. */
static void
verify(struct dm_walk *walk, enum dm_walk_result result,
       const struct dm_cell *cell, uint64_t key)
{
  struct dm_thread *thread = walk->thread;
  uintptr_t addresses[DM_DEPTH_MAX];
  bool interrupted[DM_DEPTH_MAX];
  uintptr_t high = walk->bounded ? thread->stack_high : 0;
  unsigned found =
      dm_libunwind_stack(&walk->caller, high, addresses, interrupted, depth);
  bool same = found == walk->count && result != DM_WALK_FAILED;
  for (unsigned i = 0; same && i < found; i++)
    same = (addresses[i] & ((UINT64_C(1) << 48) - 1)) ==
           dm_frame_address(walk->frames[i]);

  for (unsigned way = 0; way < 2; way++)
  {
    const struct dm_shape *shape = dm_memo_shape(&thread->memo, key) + way;
    const struct dm_memo_stack *stack =
        dm_unwind_recall(thread, shape, walk->caller, key);
    same = same && (!stack || stack->cell == cell);
  }

  struct dm_mishaps *mishaps = &thread->ledger->mishaps;
  dm_counter_add(&mishaps->verified, 1);
  if (!same)
    dm_counter_add(&mishaps->differing, 1);
}

/* Makes SHAPE of what WALK went by. Returns false when it does not fit. */
static bool
make_shape(struct dm_shape *shape, const struct dm_walk *walk, uint64_t key)
{
  uint16_t factors[DM_MEMO_SLOTS], others[DM_MEMO_SLOTS];
  unsigned factor_count = 0, other_count = 0;
  for (unsigned i = 0; i < walk->slot_count; i++)
  {
    uint16_t slot = walk->slots[i];
    if (walk->caller.slot[slot] & DM_MEMO_WEAK && !(walk->data_slots >> i & 1))
      factors[factor_count++] = slot;
    else
      others[other_count++] = slot;
  }

  /* The key has the caller's own return address already: it fills the gaps. */
  if (!(*walk->caller.slot & DM_MEMO_WEAK))
    return false;
  unsigned count = 0, factor = 0, other = 0;
  uint64_t seed = key;
  do
  {
    if (count == DM_MEMO_SLOTS)
      return false;
    uint16_t next = count % 2 == 0 && other < other_count ? others[other++]
                    : factor < factor_count               ? factors[factor++]
                                                          : 0;
    shape->slot[count++] = next;
    seed = (seed ^ next) * UINT64_C(0x9e3779b97f4a7c15);
  } while (other < other_count || factor < factor_count ||
           count % DM_MEMO_STEP != 0);

  shape->key = key;
  shape->count = (uint16_t) count;
  shape->rbp_mask = walk->uses_rbp ? -1 : 0;
  shape->seed = seed ^ seed >> 32 ^ walk->uses_rbp;
  return true;
}

/* Whether A and B are the same. */
static bool
is_shape(const struct dm_shape *a, const struct dm_shape *b)
{
  return a->key == b->key && a->seed == b->seed && a->count == b->count &&
         memcmp(a->slot, b->slot, a->count * sizeof *a->slot) == 0;
}

/* Writes NEW over SHAPE. A signal handler must not find half a shape. */
static void
write_shape(struct dm_shape *shape, const struct dm_shape *new)
{
  shape->key = 0;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  shape->seed = new->seed;
  shape->count = new->count;
  shape->rbp_mask = new->rbp_mask;
  memcpy(shape->slot, new->slot, new->count * sizeof *new->slot);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  shape->key = new->key;
}

/* Keeps WALK, which led to CELL in GENERATION, for the next time. */
static void
memorize(const struct dm_walk *walk, uint64_t key, uint32_t generation,
         struct dm_cell *cell)
{
  struct dm_shape new;
  if (!make_shape(&new, walk, key))
    return;
  struct dm_memo *memo = &walk->thread->memo;
  struct dm_shape *shape = dm_memo_shape(memo, key);
  if (!is_shape(shape, &new) && !is_shape(++shape, &new))
  {
    /* The newer of the pair stands first; the older one goes. */
    *shape = shape[-1];
    write_shape(--shape, &new);
  }
  dm_memo_keep(memo, dm_memo_hash(shape, walk->caller), cell,
               memo->salt + generation);
}

static struct dm_cell *
walk_to_cell(struct dm_thread *thread, struct dm_caller caller, uint64_t key,
             uint32_t generation)
{
  struct dm_walk walk;
  dm_walk_start(&walk, thread, caller, depth);
  bool started_bounded = walk.bounded;
  enum dm_walk_result result = dm_walk_stack(&walk, tls_size);
  if (result == DM_WALK_FAILED)
    dm_counter_add(&thread->ledger->mishaps.unwind_failed, 1);

  uint32_t callsite =
      dm_callsites_find(walk.frames, walk.count, result == DM_WALK_ON);
  struct dm_cell *cell = dm_ledger_own_cell(thread->ledger, callsite);
  if (dm_unwind_verify)
    verify(&walk, result, cell, key);
  /* A failed walk may do better next time; one on a stack that is not this
     thread's own would be read without bounds. What the loader asks for is to
     be marked, each time; a stack that was shortened may be recorded in full
     next time. */
  if (walk.memorable && started_bounded && result != DM_WALK_FAILED &&
      !dm_is_loader(*caller.slot) && !dm_callsites_may_improve(callsite))
    memorize(&walk, key, generation, cell);
  dm_walk_finish(&walk);
  return cell;
}

struct dm_cell *
dm_unwind_cell(struct dm_thread *thread, struct dm_caller caller,
               unsigned tried)
{
  uint32_t generation =
      atomic_load_explicit(&dm_callsites_generation, memory_order_relaxed);
  uint64_t key = dm_unwind_key(thread, caller, generation);
  struct dm_shape *shape = dm_memo_shape(&thread->memo, key);
  for (unsigned way = tried; way < 2 && !dm_unwind_verify; way++)
  {
    const struct dm_memo_stack *stack =
        dm_unwind_recall(thread, shape + way, caller, key);
    if (stack)
      return stack->cell;
  }
  return walk_to_cell(thread, caller, key, generation);
}
