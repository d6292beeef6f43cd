/* deep.h -- many call stacks, by a recursion that has two calls. */

#ifndef DEEP_H
#define DEEP_H

#include "small.h"

/* Calls itself DEPTH times, each time by the one of two calls that the next bit
   of KIND chooses; then LEAF with what is left of KIND. Returns its result and
   something more. */
APART static int
deep(unsigned depth, unsigned kind, int (*leaf)(unsigned kind))
{
  if (depth > 0)
    return kind & 1 ? deep(depth - 1, kind / 2, leaf) + 1
                    : deep(depth - 1, kind / 2, leaf) + 2;
  return leaf(kind);
}

#endif
