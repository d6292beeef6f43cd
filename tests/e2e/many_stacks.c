/* many_stacks.c -- 200,000 distinct call stacks, by a recursion that turns left
   or right 18 times. */

#include "small.h"

APART static void right(unsigned path, int depth);

APART static void
leaf(void)
{
  CHECK(malloc(40));
}

APART static void
left(unsigned path, int depth)
{
  if (depth == 0)
    leaf();
  else if (path & 1)
    right(path >> 1, depth - 1);
  else
    left(path >> 1, depth - 1);
  __asm__ volatile("");
}

APART static void
right(unsigned path, int depth)
{
  if (depth == 0)
    leaf();
  else if (path & 1)
    right(path >> 1, depth - 1);
  else
    left(path >> 1, depth - 1);
  __asm__ volatile("");
}

int
main(void)
{
  for (unsigned path = 0; path < 200000; path++)
    left(path, 18);
  return 0;
}
