/* heap_select.h -- the first few of many, in order.

   libc's qsort may allocate, and a dump may not. */

#ifndef DM_DUMP_HEAP_SELECT_H
#define DM_DUMP_HEAP_SELECT_H

#include <stdbool.h>
#include <stddef.h>

enum
{
  DM_HEAP_ITEM_MAX = 512
};

/* Sorts the first WANTED of COUNT items of SIZE bytes (at most
   DM_HEAP_ITEM_MAX) to the
   front of ITEMS, in the order that BEFORE(a, b, arg) tells; the rest follow
   in any order. Takes COUNT + WANTED * log2(COUNT) steps. */
void dm_heap_select(void *items, size_t count, size_t size, size_t wanted,
                    bool (*before)(const void *a, const void *b, int arg),
                    int arg);

#endif
