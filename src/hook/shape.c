/* shape.c -- the shapes of the memo, made of walks. */

#include "hook/shape.h"

#include <stddef.h>
#include <string.h>

#include "base/chain.h"

/* Words of the stack, as a shape has them. */
struct words
{
  unsigned count;
  uint16_t slot[DM_MEMO_SLOTS];
};

/* What a walk went by: return addresses that may be factors, and all other
   words. */
struct read
{
  struct words factors, others;
};

/* Adds the word at SLOT. Returns false when it does not fit. */
static bool
add_word(struct words *words, const struct dm_walk *walk, const uintptr_t *slot)
{
  ptrdiff_t place = slot - walk->caller.record;
  if (place < 0 || place > UINT16_MAX || words->count == DM_MEMO_SLOTS)
    return false;
  words->slot[words->count++] = (uint16_t) place;
  return true;
}

/* Finds what WALK read. Returns false when it does not fit. */
static bool
collect(struct read *read, const struct dm_walk *walk)
{
  read->factors.count = read->others.count = 0;
  const struct dm_kept_frame *outermost = walk->kept->frame;
  const struct dm_kept_frame *frame = &outermost[walk->kept->met];
  for (unsigned i = 0; i < walk->count; i++, frame--)
  {
    const uintptr_t *data = dm_kept_data(frame);
    if (dm_kept_by_rbp(frame) &&
        !add_word(&read->others, walk, dm_walk_rbp_slot(walk, frame)))
      return false;
    if (data && !add_word(&read->others, walk, data))
      return false;
    if (frame == outermost)
      break; /* nothing is beyond */
    bool factor = dm_memo_is_factor(dm_kept_pc(frame - 1));
    struct words *words = factor ? &read->factors : &read->others;
    if (!add_word(words, walk, frame[-1].slot))
      return false;
  }
  return true;
}

/* Makes SHAPE of what WALK went by, but for key and seed. Returns false when it
   does not fit. The only word that may be 0 is one by which a stack ends: it
   comes first. */
static bool
make(struct dm_shape *shape, const struct dm_walk *walk)
{
  struct read read;
  /* The key has the caller's own return address already: it fills the gaps. */
  if (!dm_memo_is_factor(dm_caller_address(walk->caller)) ||
      !collect(&read, walk))
    return false;
  unsigned count = 0, factor = 0, other = read.others.count;
  do
  {
    if (count == DM_MEMO_SLOTS)
      return false;
    uint16_t slot = DM_CALLER_ADDRESS;
    if (count % 2 == 0 && other > 0)
      slot = read.others.slot[--other];
    else if (factor < read.factors.count)
      slot = read.factors.slot[factor++];
    shape->slot[count++] = slot;
  } while (other > 0 || factor < read.factors.count ||
           count % DM_MEMO_STEP != 0);
  shape->count = (uint16_t) count;
  return true;
}

/* Writes NEW over SHAPE. A signal handler must not find half a shape; and where
   one has written meanwhile, what there is now is of both, and nothing. */
static void
write_shape(struct dm_shape *shape, const struct dm_shape *new)
{
  shape->key = 0;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  shape->seed = new->seed;
  shape->last = new->last;
  shape->count = new->count;
  memcpy(shape->slot, new->slot, new->count * sizeof *new->slot);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  uint64_t none = 0;
  if (shape->seed != new->seed ||
      !__atomic_compare_exchange_n(&shape->key, &none, new->key, false,
                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    shape->key = 0;
}

void
dm_shape_turn(struct dm_shape pair[2])
{
  uint64_t key = pair->key;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  struct dm_shape first = *pair;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (pair->key != key)
    return; /* a signal handler was here meanwhile */
  write_shape(&pair[0], &pair[1]);
  write_shape(&pair[1], &first);
}

bool
dm_shape_is_wanted(struct dm_memo *memo, uint64_t key, uint64_t hash)
{
  unsigned pair = dm_memo_pair(memo, dm_memo_shape(memo, key));
  uint32_t last = memo->seen[pair];
  memo->seen[pair] = (uint32_t) (hash >> 32);
  return last == memo->seen[pair] || ++memo->unseen % DM_MEMO_CHANCE == 0;
}

/* One more was made. So small programs touch few pages, and others push few
   shapes out. */
static void
note_made(struct dm_memo *memo)
{
  unsigned pairs = dm_memo_pairs(memo);
  if (++memo->made >= pairs && pairs < DM_MEMO_PAIRS)
    dm_memo_use_pairs(memo, pairs * DM_MEMO_GROWTH);
}

const struct dm_shape *
dm_shape_of_walk(const struct dm_walk *walk, uint64_t key, bool made)
{
  const struct dm_kept_stack *kept = walk->kept;
  const struct dm_kept_frame *beyond = dm_walk_beyond(walk);
  uint64_t way = dm_chain_last(kept->frame[kept->met].ways,
                               beyond ? beyond->ways : 0, walk->count);
  struct dm_shape new = {.key = key, .seed = dm_stir(way ^ key) | 1};
  struct dm_memo *memo = &walk->thread->memo;
  struct dm_shape *pair = dm_memo_shape(memo, key);
  for (unsigned i = 0; i < 2; i++)
    if (pair[i].key == key && pair[i].seed == new.seed)
      return &pair[i];
  if (!made || !make(&new, walk))
    return NULL;
  /* The newer of the pair stands first; the older one goes. */
  write_shape(&pair[1], &pair[0]);
  write_shape(&pair[0], &new);
  note_made(memo);
  return pair;
}
