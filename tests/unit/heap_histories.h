/* heap_histories.h -- callsites of which it is known what they do. */

#ifndef HEAP_HISTORIES_H
#define HEAP_HISTORIES_H

#include "heap_model.h"

struct heap_history
{
  const char *name;
  uint32_t seconds;                 /* how long it is looked at */
  void (*act)(struct model *model); /* what happens in one second */
};

/* Leaks; plateaus; both end with a name of NULL. */
extern const struct heap_history heap_leaks[], heap_plateaus[];

#endif
