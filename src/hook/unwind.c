/* unwind.c -- the call stack of an allocation, as the cell it is counted in. */

#include "hook/unwind.h"

#include "base/chain.h"
#include "base/config.h"
#include "books/callsites.h"
#include "books/modules.h"
#include "hook/libunwind.h"
#include "hook/shape.h"
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

/* What the memo knows by HASH, which is 0 or a walk's, or NULL. */
static struct dm_cell *
known_by(struct dm_thread *thread, uint64_t hash)
{
  dm_memo_entry entry = hash ? dm_memo_find(&thread->memo, hash) : 0;
  return entry ? dm_ledger_cell_at(thread->ledger, dm_memo_callsite(entry))
               : NULL;
}

/* The cell that the memo knows for CALLER, whose key is KEY, by SHAPE, or NULL.
 */
static inline struct dm_cell *
recall(struct dm_thread *thread, struct dm_shape *shape,
       struct dm_caller caller, uint64_t key)
{
  return shape->key == key
             ? dm_unwind_recall(thread, shape, dm_memo_hash(shape, caller))
             : NULL;
}

/* The hash by which the memo knows the frames of WALK while GENERATION lasts; 0:
   they are not to be remembered. CUT: the stack goes on. */
static uint64_t
hash_of_frames(const struct dm_walk *walk, bool cut, uint32_t generation)
{
  if (!walk->kept)
    return 0;
  uint64_t salt = dm_unwind_salt(walk->thread, generation);
  return dm_memo_hash_of(
      dm_stir(dm_walk_chain(walk) ^ dm_stir(salt) ^ walk->count * 2 ^ cut));
}

/* Compares what was walked with libunwind's own stack, and the cell that it led
   to with what the memo says: KNOWN, or NULL, by the frames, and by the shapes
   for KEY. */
static void
verify(struct dm_walk *walk, enum dm_walk_result result,
       const struct dm_cell *cell, const struct dm_cell *known, uint64_t key)
{
  struct dm_thread *thread = walk->thread;
  uintptr_t addresses[DM_DEPTH_MAX];
  bool interrupted[DM_DEPTH_MAX];
  unsigned found = dm_libunwind_stack(&walk->caller, dm_walk_high(walk),
                                      addresses, interrupted, depth);
  const dm_frame *frames = dm_walk_frames(walk);
  bool same = found == walk->count && result != DM_WALK_FAILED;
  for (unsigned i = 0; same && i < found; i++)
    same = (addresses[i] & DM_FRAME_ADDRESS) == dm_frame_address(frames[i]);

  same = same && (!known || known == cell);
  for (unsigned way = 0; way < 2; way++)
  {
    struct dm_shape *shape = dm_memo_shape(&thread->memo, key) + way;
    known = recall(thread, shape, walk->caller, key);
    same = same && (!known || known == cell);
  }

  struct dm_mishaps *mishaps = &thread->ledger->mishaps;
  dm_counter_add(&mishaps->verified, 1);
  if (!same)
    dm_counter_add(&mishaps->differing, 1);
}

/* The callsite of the stack of WALK. CUT: it goes on. */
static uint32_t
find_callsite(struct dm_walk *walk, bool cut)
{
  if (!walk->kept)
    return dm_callsites_find(walk->frames, walk->count, cut);
  uint64_t chain = dm_walk_chain(walk);
  uint32_t callsite = dm_callsites_known(chain, walk->count, cut);
  return callsite
             ? callsite
             : dm_callsites_new(chain, dm_walk_frames(walk), walk->count, cut);
}

/* The cell of the stack of WALK, which ended with RESULT. KEY is its caller's. */
static struct dm_cell *
cell_of_walk(struct dm_walk *walk, enum dm_walk_result result, uint64_t key,
             uint32_t generation)
{
  struct dm_thread *thread = walk->thread;
  bool cut = result == DM_WALK_ON;
  /* A failed walk may do better next time. */
  uint64_t hash =
      result == DM_WALK_FAILED ? 0 : hash_of_frames(walk, cut, generation);
  struct dm_cell *known = known_by(thread, hash);
  /* What the loader asks for is to be marked, each time. */
  bool usual = hash && dm_walk_is_memorable(walk) &&
               !dm_is_loader(dm_caller_address(walk->caller));
  bool wanted = usual && dm_shape_is_wanted(&thread->memo, key, hash);
  if (known && !wanted && !dm_unwind_verify)
    return known;

  const struct dm_shape *shape =
      usual ? dm_shape_of_walk(walk, key, wanted) : NULL;
  if (shape)
    hash = dm_memo_hash(shape, walk->caller);
  struct dm_cell *cell = known;
  if (!cell || dm_unwind_verify)
    cell = dm_ledger_own_cell(thread->ledger, find_callsite(walk, cut));
  if (dm_unwind_verify)
    verify(walk, result, cell, known, key);
  /* A stack that was shortened may be recorded in full next time. */
  uint32_t callsite = dm_cell_callsite(cell);
  if (hash && !dm_callsites_may_improve(callsite) &&
      !dm_memo_find(&thread->memo, hash))
    dm_memo_keep(&thread->memo, hash, callsite,
                 dm_unwind_salt(thread, generation));
  return cell;
}

static struct dm_cell *
walk_to_cell(struct dm_thread *thread, struct dm_caller caller, uint64_t key,
             uint32_t generation)
{
  struct dm_walk walk;
  dm_walk_start(&walk, thread, caller, depth, generation);
  enum dm_walk_result result = dm_walk_stack(&walk, tls_size);
  if (result == DM_WALK_FAILED)
    dm_counter_add(&thread->ledger->mishaps.unwind_failed, 1);
  struct dm_cell *cell = cell_of_walk(&walk, result, key, generation);
  dm_walk_finish(&walk);
  return cell;
}

struct dm_cell *
dm_unwind_cell(struct dm_thread *thread, struct dm_caller caller, uint64_t hash)
{
  uint32_t generation =
      atomic_load_explicit(&dm_callsites_generation, memory_order_relaxed);
  uint64_t key = dm_unwind_key(thread, caller, generation);
  struct dm_memo *memo = &thread->memo;
  struct dm_shape *shape = dm_memo_shape(memo, key);
  if (dm_unwind_verify)
    return walk_to_cell(thread, caller, key, generation);
  struct dm_cell *cell = hash ? NULL : recall(thread, shape, caller, key);
  if (cell)
    return cell;
  cell = recall(thread, shape + 1, caller, key);
  if (!cell)
    return walk_to_cell(thread, caller, key, generation);
  if (++memo->seconds % DM_MEMO_TURN == 0)
    dm_shape_turn(shape);
  return cell;
}
