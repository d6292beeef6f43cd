/* heap_histories.h -- callsites of which it is known what they do. */

#ifndef HEAP_HISTORIES_H
#define HEAP_HISTORIES_H

#include "heap_model.h"

/* Drawn in the first second: the parameter WHICH of MODEL. */
#define DRAW(which, low, high)                                                 \
  do                                                                           \
    if (model->now == 1)                                                       \
      model->p[which] = model_pick(model, low, high);                          \
  while (0)

/* A plateau is full in slice FULL. Before, and some minutes longer, nobody can
   tell it from a leak. */
void heap_calm_after(struct model *model, double full);

struct heap_history
{
  const char *name;
  uint32_t seconds;                 /* how long it is looked at */
  void (*act)(struct model *model); /* what happens in one second */
};

/* Leaks; what does not leak; all end with a name of NULL. */
extern const struct heap_history heap_leaks[], heap_caches[], heap_plateaus[];

#endif
