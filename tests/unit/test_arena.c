/* test_arena.c -- memory for tables that only grow. */

#include "base/arena.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "runner.h"

enum
{
  MEBIBYTE = 1 << 20
};

/* Whether all of the SIZE bytes of BLOCK are BYTE. */
static bool
holds(const unsigned char *block, size_t size, unsigned char byte)
{
  size_t same = 0;
  while (same < size && block[same] == byte)
    same++;
  return same == size;
}

START_TEST(zeroed_aligned_and_apart)
{
  enum
  {
    BLOCKS = 2000
  };
  static unsigned char *block[BLOCKS];
  static size_t size[BLOCKS];
  unsigned long state = 1;
  for (unsigned i = 0; i < BLOCKS; i++)
  {
    size_t alignment = (size_t) 1 << next_random(&state) % 13;
    size[i] = 1 + next_random(&state) % 3000;
    block[i] = dm_arena_alloc(size[i], alignment);
    ck_assert_ptr_nonnull(block[i]);
    ck_assert_uint_eq((uintptr_t) block[i] % alignment, 0);
    ck_assert(holds(block[i], size[i], 0));
    memset(block[i], (int) (i % 255 + 1), size[i]);
  }
  /* Nobody wrote into another's. */
  for (unsigned i = 0; i < BLOCKS; i++)
    ck_assert(holds(block[i], size[i], (unsigned char) (i % 255 + 1)));
}
END_TEST

START_TEST(many_small_ones_cost_one_mapping)
{
  size_t before = dm_sys_mapped_bytes();
  for (unsigned i = 0; i < 1000; i++)
    ck_assert_ptr_nonnull(dm_arena_alloc(1000, 8));
  ck_assert_uint_eq(dm_sys_mapped_bytes() - before, MEBIBYTE);
}
END_TEST

/* Every size around the one from which a block gets a mapping of its own. */
START_TEST(large_ones)
{
  for (size_t size = MEBIBYTE / 4 - 70; size <= MEBIBYTE / 4 + 2; size++)
  {
    char *block = dm_arena_alloc(size, 64);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t) block % 64, 0);
    memset(block, 'x', size);
  }
  char *huge = dm_arena_alloc(10 * MEBIBYTE, 4096);
  ck_assert_ptr_nonnull(huge);
  ck_assert_uint_eq((uintptr_t) huge % 4096, 0);
  memset(huge, 'x', 10 * MEBIBYTE);
}
END_TEST

START_TEST(without_memory)
{
  dm_sys_fail_after(1, true);
  ck_assert_ptr_null(dm_arena_alloc(100, 8));
  ck_assert_ptr_null(dm_arena_alloc(MEBIBYTE, 8));
  dm_sys_fail_after(0, false);
  ck_assert_ptr_nonnull(dm_arena_alloc(100, 8));

  /* What is left of the block is given out, then nothing. */
  dm_sys_fail_after(1, true);
  unsigned given = 0;
  while (dm_arena_alloc(1000, 8))
    given++;
  ck_assert_uint_ge(given, 1000);
  ck_assert_uint_le(given, MEBIBYTE / 1000);
  dm_sys_fail_after(0, false);
  ck_assert_ptr_nonnull(dm_arena_alloc(1000, 8));
}
END_TEST

/* Each in turn of the mappings fails, as it may at any time. */
START_TEST(each_mapping_fails_once)
{
  for (unsigned nth = 1; nth <= 4; nth++)
  {
    dm_sys_fail_after(nth, false);
    unsigned failed = 0;
    for (unsigned i = 0; i < 100; i++)
      failed += dm_arena_alloc(100000, 64) == NULL;
    ck_assert_uint_eq(failed, 1);
  }
}
END_TEST

enum
{
  THREADS = 8,
  EACH = 4000,
  SIZE = 300
};

static void *
take_many(void *number)
{
  static __thread uint64_t *mine[EACH];
  for (unsigned i = 0; i < EACH; i++)
  {
    mine[i] = dm_arena_alloc(SIZE, 8);
    if (!mine[i])
      return (void *) 1;
    for (unsigned j = 0; j < SIZE / 8; j++)
    {
      if (mine[i][j] != 0)
        return (void *) 2;
      mine[i][j] = (uintptr_t) number;
    }
  }
  for (unsigned i = 0; i < EACH; i++)
    for (unsigned j = 0; j < SIZE / 8; j++)
      if (mine[i][j] != (uintptr_t) number)
        return (void *) 3;
  return NULL;
}

START_TEST(threads_get_blocks_of_their_own)
{
  pthread_t thread[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    ck_assert_int_eq(
        pthread_create(&thread[i], NULL, take_many, (void *) (i + 1)), 0);
  for (unsigned i = 0; i < THREADS; i++)
  {
    void *result;
    pthread_join(thread[i], &result);
    ck_assert_ptr_null(result);
  }
  /* Those that raced for a new block gave back theirs. */
  size_t needed = (size_t) THREADS * EACH * (SIZE + 7);
  ck_assert_uint_le(dm_sys_mapped_bytes(), needed + 3 * MEBIBYTE);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {zeroed_aligned_and_apart,
                                many_small_ones_cost_one_mapping,
                                large_ones,
                                without_memory,
                                each_mapping_fails_once,
                                threads_get_blocks_of_their_own,
                                NULL};
  return run_suite(make_suite("arena", NULL, tests));
}
