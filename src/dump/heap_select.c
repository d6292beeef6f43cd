/* heap_select.c -- the first few of many, in order.

   A heap is built back to front: its root, the first in order, is the last
   item of the array. So what is taken out can be swapped to the array's front,
   where the heap shrinks, and is in place. */

#include "dump/heap_select.h"

#include <string.h>

struct heap
{
  char *end; /* behind the root */
  size_t count, size;
  bool (*before)(const void *a, const void *b, int arg);
  int arg;
};

static char *
node(const struct heap *heap, size_t i)
{
  return heap->end - (i + 1) * heap->size;
}

static void
swap(char *a, char *b, size_t size)
{
  char kept[DM_HEAP_ITEM_MAX];
  memcpy(kept, a, size);
  memcpy(a, b, size);
  memcpy(b, kept, size);
}

static void
sink(const struct heap *heap, size_t i)
{
  for (;;)
  {
    size_t best = i;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
      if (child < heap->count &&
          heap->before(node(heap, child), node(heap, best), heap->arg))
        best = child;
    if (best == i)
      return;
    swap(node(heap, i), node(heap, best), heap->size);
    i = best;
  }
}

void
dm_heap_select(void *items, size_t count, size_t size, size_t wanted,
               bool (*before)(const void *a, const void *b, int arg), int arg)
{
  struct heap heap = {(char *) items + count * size, count, size, before, arg};
  for (size_t i = count / 2; i-- > 0;)
    sink(&heap, i);
  for (size_t taken = 0; taken < wanted && heap.count > 0; taken++)
  {
    /* The deepest node, at the front, makes room for the root. */
    heap.count--;
    if (heap.count == 0)
      return;
    swap(node(&heap, 0), node(&heap, heap.count), size);
    sink(&heap, 0);
  }
}
