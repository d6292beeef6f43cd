/* shape.h -- the shapes of the memo (hook/stack_memo.h), made of walks. */

#ifndef DM_HOOK_SHAPE_H
#define DM_HOOK_SHAPE_H

#include <stdint.h>

#include "hook/walk.h"

/* The shape of WALK, which has a leaf and can be remembered, for KEY, its
   caller's: one of the pair for KEY, made now if need be. NULL when there is
   none: it does not fit, or was not needed often enough. Signal-safe. */
const struct dm_shape *dm_shape_of_walk(const struct dm_walk *walk,
                                        uint64_t key);

/* Lets the second of PAIR be the first. Signal-safe. */
void dm_shape_turn(struct dm_shape pair[2]);

#endif
