/* unwind.c -- the call stack of an allocation, as the cell it is counted in. */

#include "hook/unwind.h"

#include <stddef.h>
#include <string.h>

#include "base/chain.h"
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

/* The cell that the memo knows for CALLER, whose key is KEY, by SHAPE, or NULL. */
static inline struct dm_cell *
recall(struct dm_memo *memo, const struct dm_shape *shape,
       struct dm_caller caller, uint64_t key)
{
  return shape->key == key ? dm_memo_find(memo, dm_memo_hash(shape, caller))
                           : NULL;
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
  const dm_frame *frames = dm_walk_frames(walk);
  bool same = found == walk->count && result != DM_WALK_FAILED;
  for (unsigned i = 0; same && i < found; i++)
    same = (addresses[i] & ((UINT64_C(1) << 48) - 1)) ==
           dm_frame_address(frames[i]);

  for (unsigned way = 0; way < 2; way++)
  {
    const struct dm_shape *shape = dm_memo_shape(&thread->memo, key) + way;
    const struct dm_cell *known =
        recall(&thread->memo, shape, walk->caller, key);
    same = same && (!known || known == cell);
  }

  struct dm_mishaps *mishaps = &thread->ledger->mishaps;
  dm_counter_add(&mishaps->verified, 1);
  if (!same)
    dm_counter_add(&mishaps->differing, 1);
}

/* The words that a walk went by, as a shape is made of them. */
struct words
{
  uint16_t factors[DM_MEMO_SLOTS], others[DM_MEMO_SLOTS];
  unsigned factor_count, other_count;
  bool rbp; /* and the register */
};

/* Adds the word at SLOT to the COUNT words of LIST. Returns false when it does
   not fit. */
static bool
add_word(const struct dm_walk *walk, const uintptr_t *slot, uint16_t *list,
         unsigned *count)
{
  ptrdiff_t place = slot - walk->caller.slot;
  if (place < 0 || place > UINT16_MAX || *count == DM_MEMO_SLOTS)
    return false;
  list[(*count)++] = (uint16_t) place;
  return true;
}

static bool
collect_words(struct words *words, const struct dm_walk *walk)
{
  words->factor_count = words->other_count = 0;
  words->rbp = false;
  bool fits = true;
  const struct dm_kept_frame *frame = &walk->kept->frame[walk->leaf];
  for (unsigned i = 0; i < walk->count && fits; i++, frame--)
  {
    if (frame->by_rbp && !frame->rbp_slot)
      words->rbp = true;
    else if (frame->by_rbp)
      fits = add_word(walk, frame->rbp_slot, words->others,
                      &words->other_count);
    if (frame->data)
      fits = fits && add_word(walk, frame->data, words->others,
                              &words->other_count);
    if (frame == walk->kept->frame)
      break; /* the outermost of all: there is no return address beyond */
    if (dm_memo_is_factor(frame[-1].pc))
      fits = fits && add_word(walk, frame[-1].slot, words->factors,
                              &words->factor_count);
    else
      fits = fits && add_word(walk, frame[-1].slot, words->others,
                              &words->other_count);
  }
  return fits;
}

/* Makes SHAPE of what WALK went by, but for key and seed. Returns false when it
   does not fit. */
static bool
make_shape(struct dm_shape *shape, const struct dm_walk *walk)
{
  struct words words;
  /* The key has the caller's own return address already: it fills the gaps. */
  if (!dm_memo_is_factor(*walk->caller.slot) || !collect_words(&words, walk))
    return false;
  unsigned count = 0, factor = 0, other = 0;
  do
  {
    if (count == DM_MEMO_SLOTS)
      return false;
    uint16_t next = count % 2 == 0 && other < words.other_count
                        ? words.others[other++]
                    : factor < words.factor_count ? words.factors[factor++]
                                                  : 0;
    shape->slot[count++] = next;
  } while (other < words.other_count || factor < words.factor_count ||
           count % DM_MEMO_STEP != 0);
  shape->count = (uint16_t) count;
  shape->rbp_mask = words.rbp ? -1 : 0;
  return true;
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

/* Lets the second of PAIR be the first. */
static void
turn(struct dm_shape pair[2])
{
  struct dm_shape first = pair[0];
  write_shape(&pair[0], &pair[1]);
  write_shape(&pair[1], &first);
}

/* The shape of WALK, which has KEY; NULL when it is not known. */
static const struct dm_shape *
find_shape(const struct dm_walk *walk, uint64_t key)
{
  const struct dm_kept_frame *beyond = dm_walk_beyond(walk);
  uint64_t way = dm_chain_last(walk->kept->frame[walk->leaf].ways,
                               beyond ? beyond->ways : 0, walk->count);
  uint64_t seed = dm_stir(way ^ key) | 1;
  struct dm_memo *memo = &walk->thread->memo;
  struct dm_shape *shape = dm_memo_shape(memo, key);
  for (unsigned i = 0; i < 2; i++)
    if (shape[i].key == key && shape[i].seed == seed)
      return &shape[i];

  uint32_t *seen = &memo->seen[dm_memo_pair(key)];
  bool again = *seen == (uint32_t) (seed >> 32) ||
               ++memo->unseen % DM_MEMO_CHANCE == 0;
  *seen = (uint32_t) (seed >> 32);
  struct dm_shape new = {.key = key, .seed = seed};
  if (!again || !make_shape(&new, walk))
    return NULL;
  /* The newer of the pair stands first; the older one goes. */
  write_shape(&shape[1], &shape[0]);
  write_shape(&shape[0], &new);
  return shape;
}

/* Keeps WALK, which led to CELL in GENERATION, for the next time. */
static void
memorize(const struct dm_walk *walk, uint64_t key, uint32_t generation,
         struct dm_cell *cell)
{
  struct dm_memo *memo = &walk->thread->memo;
  const struct dm_shape *shape = find_shape(walk, key);
  if (shape)
    dm_memo_keep(memo, dm_memo_hash(shape, walk->caller), cell,
                 memo->salt + generation);
}

/* The callsite of the stack of WALK. CUT: it goes on. */
static uint32_t
find_callsite(struct dm_walk *walk, bool cut)
{
  uint32_t callsite = DM_CALLSITE_OTHER;
  if (walk->leaf >= 0)
  {
    const struct dm_kept_frame *beyond = dm_walk_beyond(walk);
    uint64_t chain = dm_chain_last(walk->kept->frame[walk->leaf].frames,
                                   beyond ? beyond->frames : 0, walk->count);
    callsite = dm_callsites_known(chain, walk->count, cut);
  }
  return callsite != DM_CALLSITE_OTHER
             ? callsite
             : dm_callsites_find(dm_walk_frames(walk), walk->count, cut);
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

  uint32_t callsite = find_callsite(&walk, result == DM_WALK_ON);
  struct dm_cell *cell = dm_ledger_own_cell(thread->ledger, callsite);
  if (dm_unwind_verify)
    verify(&walk, result, cell, key);
  /* A failed walk may do better next time. What the loader asks for is to be
     marked, each time; a stack that was shortened may be recorded in full next
     time. */
  if (walk.memorable && result != DM_WALK_FAILED &&
      !dm_is_loader(*caller.slot) && !dm_callsites_may_improve(callsite))
    memorize(&walk, key, generation, cell);
  dm_walk_finish(&walk);
  return cell;
}

struct dm_cell *
dm_unwind_cell(struct dm_thread *thread, struct dm_caller caller,
               uint64_t hash)
{
  uint32_t generation =
      atomic_load_explicit(&dm_callsites_generation, memory_order_relaxed);
  uint64_t key = dm_unwind_key(thread, caller, generation);
  struct dm_memo *memo = &thread->memo;
  struct dm_shape *shape = dm_memo_shape(memo, key);
  if (dm_unwind_verify)
    return walk_to_cell(thread, caller, key, generation);
  struct dm_cell *cell = hash ? dm_memo_find_other(memo, hash)
                              : recall(memo, shape, caller, key);
  if (cell)
    return cell;
  cell = recall(memo, shape + 1, caller, key);
  if (!cell)
    return walk_to_cell(thread, caller, key, generation);
  if (++memo->seconds % DM_MEMO_TURN == 0)
    turn(shape);
  return cell;
}
