/* million_stacks.c -- a million stacks that allocate once, and ten that leak.

   Each of the million allocates and frees one block at the end of its own way
   through four functions. The leaks' stacks are deeper than a shortened
   recording. EARLY of them leak when the storm begins, the others not before its
   second half; in it each leaks at every 10,000th stack, in turns. */

#include "small.h"

enum
{
  DEPTH = 10,
  LEAKS = 10,
  EARLY = 5,
  EVERY = 1000,
  MILLION = 1000000
};

typedef void function(unsigned which);

#define LEAK(n)                                                                \
  APART static void leak_##n(unsigned which)                                   \
  {                                                                            \
    CHECK(malloc(100 + which) != NULL);                                        \
  }
LEAK(0) LEAK(1) LEAK(2) LEAK(3) LEAK(4)
LEAK(5) LEAK(6) LEAK(7) LEAK(8) LEAK(9)

static function *const leaks[LEAKS] = {leak_0, leak_1, leak_2, leak_3, leak_4,
                                       leak_5, leak_6, leak_7, leak_8, leak_9};

#define LEVEL(n, next)                                                         \
  APART static void level_##n(unsigned which)                                  \
  {                                                                            \
    next(which);                                                               \
    __asm__ volatile("");                                                      \
  }
LEVEL(12, leaks[which])
LEVEL(11, level_12)
LEVEL(10, level_11)
LEVEL(9, level_10)
LEVEL(8, level_9)
LEVEL(7, level_8)
LEVEL(6, level_7)
LEVEL(5, level_6)
LEVEL(4, level_5)
LEVEL(3, level_4)
LEVEL(2, level_3)
LEVEL(1, level_2)

typedef void step(unsigned path, int depth);
static step *const ways[4];

#define WAY(n)                                                                 \
  APART static void way_##n(unsigned path, int depth)                          \
  {                                                                            \
    if (depth == 0)                                                            \
      free(malloc(40));                                                        \
    else                                                                       \
      ways[path % 4](path / 4, depth - 1);                                     \
    __asm__ volatile("");                                                      \
  }
WAY(0) WAY(1) WAY(2) WAY(3)

static step *const ways[4] = {way_0, way_1, way_2, way_3};

/* Which one leaks before the stack number PATH, or LEAKS for none. */
static unsigned
whose_turn(unsigned path)
{
  unsigned which = path / EVERY % LEAKS;
  if (path < EARLY)
    return path;
  if (path % EVERY != 0 || (which >= EARLY && path < MILLION / 2))
    return LEAKS;
  return which;
}

int
main(void)
{
  unsigned made[LEAKS + 1] = {0};
  for (unsigned path = 0; path < MILLION; path++)
  {
    unsigned which = whose_turn(path);
    made[which]++;
    if (which < LEAKS)
      level_1(which);
    way_0(path, DEPTH);
  }
  for (unsigned which = 0; which < LEAKS; which++)
    say("%u\n", made[which]);
  return 0;
}
