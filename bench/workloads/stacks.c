/* stacks.c -- call stacks of a known depth, and numbered ones.

   Each frame keeps a volatile pad on its stack, so frames differ in size, and
   has something to do after its call, so no call becomes a jump.  */

#include "stacks.h"

#include <stddef.h>

#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

static __attribute__((noinline)) void
frame_0(void (*function)(void *), void *argument)
{
  function(argument);
  KEEP_FRAME();
}

#define FRAME(N, BELOW)                                                        \
  static __attribute__((noinline)) void frame_##N(void (*function)(void *),    \
                                                  void *argument)              \
  {                                                                            \
    volatile char pad[16 * (N * 7 % 11 + 1)];                                  \
    pad[0] = N;                                                                \
    frame_##BELOW(function, argument);                                         \
    pad[1] = pad[0];                                                           \
    KEEP_FRAME();                                                              \
  }

/* Eight frames of one decade of octal numbers; BELOW is the frame that the
   lowest of them calls.  */
#define FRAMES_8(D, BELOW)                                                     \
  FRAME(D##0, BELOW)                                                           \
  FRAME(D##1, D##0)                                                            \
  FRAME(D##2, D##1)                                                            \
  FRAME(D##3, D##2)                                                            \
  FRAME(D##4, D##3)                                                            \
  FRAME(D##5, D##4)                                                            \
  FRAME(D##6, D##5)                                                            \
  FRAME(D##7, D##6)

FRAMES_8(01, 0)
FRAMES_8(02, 017)
FRAMES_8(03, 027)
FRAMES_8(04, 037)
FRAMES_8(05, 047)
FRAMES_8(06, 057)
FRAMES_8(07, 067)
FRAMES_8(010, 077)

#define NAMES_8(D)                                                             \
  frame_##D##0, frame_##D##1, frame_##D##2, frame_##D##3, frame_##D##4,        \
      frame_##D##5, frame_##D##6, frame_##D##7

static void (*const entries[])(void (*)(void *), void *) = {
    frame_0,     NAMES_8(01), NAMES_8(02), NAMES_8(03), NAMES_8(04),
    NAMES_8(05), NAMES_8(06), NAMES_8(07), NAMES_8(010)};

_Static_assert(sizeof entries / sizeof *entries == DM_STACKS_DEEPEST + 1,
               "one entry for each depth, and frame_0");

void
dm_stacks_deep(long depth, void (*function)(void *), void *argument)
{
  if (depth > DM_STACKS_DEEPEST)
    depth = DM_STACKS_DEEPEST;
  if (depth <= 0)
  {
    function(argument);
    KEEP_FRAME();
    return;
  }
  entries[depth - 1](function, argument);
  KEEP_FRAME();
}

/* The numbered stacks: at each of 16 levels stands one of two functions, whose
   frames differ in size, and each has a call of its own for either function of
   the next level.  */

static __attribute__((noinline)) void
left_020(unsigned bits, void (*function)(void *), void *argument)
{
  (void) bits;
  function(argument);
  KEEP_FRAME();
}

#define right_020 left_020

#define SIDE(NAME, PAD, NEXT)                                                  \
  static __attribute__((noinline)) void NAME(                                  \
      unsigned bits, void (*function)(void *), void *argument)                 \
  {                                                                            \
    volatile char pad[PAD];                                                    \
    pad[0] = 0;                                                                \
    if (bits & 1)                                                              \
      right_##NEXT(bits >> 1, function, argument);                             \
    else                                                                       \
      left_##NEXT(bits >> 1, function, argument);                              \
    pad[1] = pad[0];                                                           \
    KEEP_FRAME();                                                              \
  }

#define LEVEL(N, NEXT)                                                         \
  SIDE(left_##N, 16, NEXT)                                                     \
  SIDE(right_##N, 16 * (N % 5 + 2), NEXT)

LEVEL(017, 020)
LEVEL(016, 017)
LEVEL(015, 016)
LEVEL(014, 015)
LEVEL(013, 014)
LEVEL(012, 013)
LEVEL(011, 012)
LEVEL(010, 011)
LEVEL(07, 010)
LEVEL(06, 07)
LEVEL(05, 06)
LEVEL(04, 05)
LEVEL(03, 04)
LEVEL(02, 03)
LEVEL(01, 02)
LEVEL(00, 01)

void
dm_stacks_numbered(unsigned number, void (*function)(void *), void *argument)
{
  /* The numbers in use are the low ones: spread their bits over all levels, so
     that a few stacks part near the root as well as near the leaf.  */
  unsigned bits = (number * 40503u) & 0xffffu;
  (bits & 1 ? right_00 : left_00)(bits >> 1, function, argument);
  KEEP_FRAME();
}
