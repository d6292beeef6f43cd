/* test_heap_select.c -- the first few of many, compared with a sort. */

#include "dump/heap_select.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

/* An item has a key, a number of its own, and as many bytes as is asked. */
struct item
{
  int32_t key;
  uint32_t number;
  char rest[248];
};

enum
{
  ITEMS = 3000
};
static char items[ITEMS * sizeof(struct item)], sorted[sizeof items];
static unsigned comparisons;
static unsigned long state = 1;

/* The greatest key first where ARG is 1, the least where it is -1; equal keys
   by number, so that there is only one right order. */
static bool
before(const void *a, const void *b, int arg)
{
  struct item left, right;
  memcpy(&left, a, 8);
  memcpy(&right, b, 8);
  comparisons++;
  if (left.key != right.key)
    return arg > 0 ? left.key > right.key : left.key < right.key;
  return left.number < right.number;
}

static int
compare_down(const void *a, const void *b)
{
  return before(a, b, 1) ? -1 : before(b, a, 1);
}

static int
compare_up(const void *a, const void *b)
{
  return before(a, b, -1) ? -1 : before(b, a, -1);
}

static void
make_items(size_t count, size_t size, int32_t keys)
{
  for (size_t i = 0; i < count; i++)
  {
    char *item = items + i * size;
    uint32_t number = (uint32_t) i;
    int32_t key = (int32_t) (next_random(&state) % (uint32_t) keys) - keys / 2;
    memset(item, (int) (number * 31), size);
    memcpy(item, &key, 4);
    memcpy(item + 4, &number, 4);
  }
}

/* Selects WANTED and compares with a sort; the rest must be the rest. */
static void
check(size_t count, size_t size, size_t wanted, int arg)
{
  int (*compare)(const void *, const void *) =
      arg > 0 ? compare_down : compare_up;
  memcpy(sorted, items, count * size);
  qsort(sorted, count, size, compare);
  dm_heap_select(items, count, size, wanted, before, arg);
  size_t right = wanted < count ? wanted : count;
  ck_assert_msg(memcmp(items, sorted, right * size) == 0,
                "the first %zu of %zu of size %zu", wanted, count, size);
  qsort(items, count, size, compare);
  ck_assert_msg(memcmp(items, sorted, count * size) == 0,
                "an item of %zu was lost", count);
}

START_TEST(small_ones_in_all_ways)
{
  for (size_t count = 0; count <= 12; count++)
    for (size_t wanted = 0; wanted <= count + 2; wanted++)
      for (unsigned round = 0; round < 20; round++)
      {
        make_items(count, 8, round % 2 ? 4 : 1000);
        check(count, 8, wanted, round % 4 < 2 ? 1 : -1);
      }
}
END_TEST

START_TEST(random_sizes)
{
  for (unsigned round = 0; round < 200; round++)
  {
    size_t size = 8 + next_random(&state) % 249;
    size_t count = next_random(&state) % ITEMS;
    size_t wanted = round % 3 ? next_random(&state) % 50 : count;
    make_items(count, size, round % 5 ? 1 << 30 : 3);
    check(count, size, wanted, round % 2 ? 1 : -1);
  }
}
END_TEST

START_TEST(already_in_order)
{
  for (int arg = -1; arg <= 1; arg += 2)
    for (int direction = -1; direction <= 1; direction++)
    {
      make_items(1000, 16, 10);
      for (int32_t i = 0; i < 1000; i++)
      {
        int32_t key = i * direction;
        memcpy(items + 16 * i, &key, 4);
      }
      check(1000, 16, 1000, arg);
    }
}
END_TEST

/* A heap of COUNT costs two comparisons an item, each of the first another two
   a level. */
START_TEST(as_many_steps_as_promised)
{
  make_items(ITEMS, 16, 1 << 30);
  comparisons = 0;
  dm_heap_select(items, ITEMS, 16, 10, before, 1);
  ck_assert_uint_le(comparisons, 2 * ITEMS + 10 * 2 * 12);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {small_ones_in_all_ways, random_sizes,
                                already_in_order, as_many_steps_as_promised,
                                NULL};
  return run_suite(make_suite("heap_select", NULL, tests));
}
