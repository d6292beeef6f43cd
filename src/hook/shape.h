/* shape.h -- the shapes of the memo (hook/stack_memo.h), made of walks. */

#ifndef DM_HOOK_SHAPE_H
#define DM_HOOK_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/walk.h"

/* Whether a shape is to be made for a stack that has none, whose frames have
   HASH and whose caller has KEY: when it comes twice in a row, or by chance. */
bool dm_shape_is_wanted(struct dm_memo *memo, uint64_t key, uint64_t hash);

/* The shape of WALK, which is memorable, for KEY, its caller's: one of the pair
   for KEY. NULL when there is none, and it is not to be MADE or does not fit.
   Signal-safe. */
const struct dm_shape *dm_shape_of_walk(const struct dm_walk *walk,
                                        uint64_t key, bool made);

/* Lets the second of PAIR be the first. Signal-safe. */
void dm_shape_turn(struct dm_shape pair[2]);

#endif
