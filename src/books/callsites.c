/* callsites.c -- what is recorded of a stack, by how much room there is. */

#include "books/callsites.h"

#include <errno.h>

#include "books/callsite_table.h"
#include "books/doorkeeper.h"
#include "books/fold.h"

enum
{
  FRAMES_MAX = 64
};

/* Up to how many numbers in use, in thirty-seconds of the cap, something is
   still done. */
enum
{
  UNTIL_PRESSED = 24,
  UNTIL_NEW = 28,
  UNTIL_EIGHT = 29, /* frames, or when it comes the second time */
  UNTIL_FOUR = 30,  /* or the fourth time */
  UNTIL_OFTEN = 31, /* the eighth time */
  UNTIL_CALLER = 32
};

_Alignas(64) _Atomic uint32_t dm_callsites_generation;

static _Atomic uint64_t nameless;

/* The thirty-seconds in numbers, set once. */
static uint32_t limits[UNTIL_CALLER + 1];

int
dm_callsites_init(unsigned cap)
{
  for (unsigned i = 0; i <= UNTIL_CALLER; i++)
    limits[i] = (uint32_t) ((uint64_t) cap * i / UNTIL_CALLER);
  int error = dm_table_init(cap);
  return error ? error : dm_doorkeeper_init(cap);
}

static bool
has_room(uint32_t limit)
{
  return atomic_load_explicit(&dm_table_in_use, memory_order_relaxed) < limit;
}

static bool
is_over(unsigned parts)
{
  return !has_room(limits[parts]);
}

bool
dm_callsites_pressed(void)
{
  return is_over(UNTIL_PRESSED);
}

bool
dm_callsites_have_room(void)
{
  return !is_over(UNTIL_NEW);
}

/* Up to where COUNT frames are recorded at once. */
static uint32_t
limit_of(unsigned count)
{
  return limits[count == 1   ? UNTIL_CALLER
                : count <= 4 ? UNTIL_FOUR
                : count <= 8 ? UNTIL_EIGHT
                             : UNTIL_NEW];
}

/* Up to where any stack is recorded when it comes for the TIMES-th time. */
static uint32_t
limit_of_times(unsigned times)
{
  return limits[times >= 8   ? UNTIL_OFTEN
                : times >= 4 ? UNTIL_FOUR
                : times >= 2 ? UNTIL_EIGHT
                             : UNTIL_NEW];
}

/* The number of STACK, whose word is WORD, in full, or 0. UNKNOWN: it has just
   been looked for. */
static uint32_t
find_whole(const struct dm_stack *stack, uint64_t word, bool unknown)
{
  uint32_t limit = limit_of(stack->count);
  uint32_t number =
      unknown && !has_room(limit) ? 0 : dm_table_find(stack, word, limit);
  if (number || !is_over(UNTIL_NEW))
    return number;
  unsigned times = dm_doorkeeper_count(word >> DM_ENTRY_HASH_SHIFT);
  limit = limit_of_times(times);
  return has_room(limit) ? dm_table_find(stack, word, limit) : 0;
}

/* The number of the innermost frames of STACK, as many as there is room for. */
static uint32_t
find_shortened(struct dm_stack stack)
{
  stack.how = DM_CALLSITE_SHORTENED; /* whatever was said of the rest */
  for (unsigned count = 8; count > 0; count = count == 4 ? 1 : count / 2)
    if (count < stack.count)
    {
      stack.count = count;
      uint64_t word = dm_table_word(&stack);
      uint32_t number = dm_table_find(&stack, word, limit_of(count));
      if (number)
        return number;
    }
  return DM_CALLSITE_OTHER;
}

/* The number of STACK, whose word is WORD, when it is unknown in full and there
   is little room left. */
static __attribute__((noinline)) uint32_t
find_pressed(struct dm_stack stack, uint64_t word)
{
  dm_frame frames[FRAMES_MAX];
  unsigned count = dm_fold(stack.frames, stack.count, frames);
  bool folded = count < stack.count;
  if (folded)
  {
    stack.frames = frames;
    stack.count = count;
    stack.how |= DM_CALLSITE_FOLDED;
    word = dm_table_word(&stack);
  }
  uint32_t number = find_whole(&stack, word, !folded);
  if (!number)
    number = find_shortened(stack);
  if (!number)
    atomic_fetch_add_explicit(&nameless, 1, memory_order_relaxed);
  return number;
}

uint32_t
dm_callsites_known(uint64_t chain, unsigned count, bool cut)
{
  return dm_table_known(
      dm_table_word_of(chain, count, cut ? DM_CALLSITE_CUT : 0));
}

uint32_t
dm_callsites_new(uint64_t chain, const dm_frame *frames, unsigned count,
                 bool cut)
{
  struct dm_stack stack = {
      .frames = frames,
      .count = count,
      .how = cut ? DM_CALLSITE_CUT : 0,
  };
  uint32_t limit = limits[UNTIL_PRESSED];
  uint64_t word = dm_table_word_of(chain, count, stack.how);
  uint32_t number = has_room(limit) ? dm_table_find(&stack, word, limit) : 0;
  return number ? number : find_pressed(stack, word);
}

uint32_t
dm_callsites_find(const dm_frame *frames, unsigned count, bool cut)
{
  uint64_t chain = dm_frames_chain(frames, count);
  uint32_t number = dm_callsites_known(chain, count, cut);
  return number ? number : dm_callsites_new(chain, frames, count, cut);
}

bool
dm_callsites_may_improve(uint32_t number)
{
  return (number == DM_CALLSITE_OTHER ||
          dm_callsite_how(number) & DM_CALLSITE_SHORTENED) &&
         !is_over(UNTIL_OFTEN);
}

const dm_frame *
dm_callsite_frames(uint32_t number, unsigned *count)
{
  return dm_table_frames(number, count);
}

unsigned
dm_callsite_how(uint32_t number)
{
  return dm_entry_how(atomic_load_explicit(&dm_table.entries[number].word,
                                           memory_order_relaxed));
}

uint32_t
dm_callsites_used(void)
{
  return dm_table_used();
}

uint32_t
dm_callsites_cap(void)
{
  return dm_table.cap;
}

uint32_t
dm_callsites_cut(void)
{
  return dm_callsites_figures().cut;
}

struct dm_callsites_figures
dm_callsites_figures(void)
{
  struct dm_callsites_figures figures = {
      .in_use = atomic_load_explicit(&dm_table_in_use, memory_order_relaxed),
      .reclaimed =
          atomic_load_explicit(&dm_table_reclaimed, memory_order_relaxed),
      .nameless = atomic_load_explicit(&nameless, memory_order_relaxed),
  };
  for (unsigned how = 0; how < 8; how++)
  {
    uint32_t one = dm_table_count(how, true), more = dm_table_count(how, false);
    figures.cut += how & DM_CALLSITE_CUT ? one + more : 0;
    figures.folded += how & DM_CALLSITE_FOLDED ? one + more : 0;
    figures.callers += how & DM_CALLSITE_SHORTENED ? one : 0;
    figures.shortened += how & DM_CALLSITE_SHORTENED ? more : 0;
  }
  return figures;
}
