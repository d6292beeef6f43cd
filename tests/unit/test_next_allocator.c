/* test_next_allocator.c -- the allocator behind us, and what serves before it
   is found. */

#include "hook/next_allocator.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

START_TEST(bootstrap_blocks_are_zeroed_aligned_and_apart)
{
  unsigned char *last = (unsigned char *) dm_bootstrap;
  size_t last_size = 0;
  unsigned long state = 1;
  for (unsigned i = 0; i < 100; i++)
  {
    size_t alignment = (size_t) 1 << i % 7, size = next_random(&state) % 64;
    unsigned char *block = dm_bootstrap_alloc(alignment, size);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t) block % alignment, 0);
    ck_assert(block >= last + last_size);
    ck_assert(dm_is_bootstrap(block));
    for (size_t j = 0; j < size; j++)
      ck_assert_uint_eq(block[j], 0);
    memset(block, 0xff, size);
    last = block;
    last_size = size;
  }
}
END_TEST

START_TEST(bootstrap_comes_to_an_end)
{
  size_t given = 0;
  char *block;
  while ((block = dm_bootstrap_alloc(16, 100)))
  {
    ck_assert(block + 100 <= dm_bootstrap + DM_BOOTSTRAP_SIZE);
    given++;
  }
  ck_assert_uint_ge(given, DM_BOOTSTRAP_SIZE / 140);
  for (unsigned i = 0; i < 1000; i++)
    ck_assert_ptr_null(dm_bootstrap_alloc(16, 100));
}
END_TEST

START_TEST(bootstrap_refuses_what_is_too_much)
{
  ck_assert_ptr_null(dm_bootstrap_alloc(16, DM_BOOTSTRAP_SIZE + 1));
  ck_assert_ptr_null(dm_bootstrap_alloc(16, SIZE_MAX));
  ck_assert_ptr_null(dm_bootstrap_alloc(8192, 16));
  char *page = dm_bootstrap_alloc(4096, 10);
  ck_assert_ptr_nonnull(page);
  ck_assert_uint_eq((uintptr_t) page % 4096, 0);
}
END_TEST

/* What was refused takes nothing from those who come after. */
START_TEST(bootstrap_survives_a_refusal)
{
  ck_assert_ptr_nonnull(dm_bootstrap_alloc(16, 100));
  ck_assert_ptr_null(dm_bootstrap_alloc(16, DM_BOOTSTRAP_SIZE - 16));
  ck_assert_ptr_nonnull(dm_bootstrap_alloc(16, 100));
}
END_TEST

START_TEST(what_is_bootstrap)
{
  ck_assert(dm_is_bootstrap(dm_bootstrap));
  ck_assert(dm_is_bootstrap(dm_bootstrap + DM_BOOTSTRAP_SIZE - 1));
  ck_assert(!dm_is_bootstrap(dm_bootstrap + DM_BOOTSTRAP_SIZE));
  ck_assert(!dm_is_bootstrap(dm_bootstrap - 1));
  ck_assert(!dm_is_bootstrap(NULL));
}
END_TEST

START_TEST(finds_the_allocator)
{
  ck_assert(dm_next_ready());
  ck_assert(dm_next_ready());
  void *block = dm_next.malloc(100);
  ck_assert_ptr_nonnull(block);
  ck_assert_uint_ge(dm_next.malloc_usable_size(block), 100);
  dm_next.free(block);
  ck_assert_int_eq(dm_next.posix_memalign(&block, 4096, 10), 0);
  ck_assert_uint_eq((uintptr_t) block % 4096, 0);
  free(block);
  free(dm_next.realloc(dm_next.calloc(2, 3), 1000));
  free(dm_next.aligned_alloc(64, 64));
  free(dm_next.memalign(64, 1));
  free(dm_next.valloc(1));
  free(dm_next.pvalloc(1));
}
END_TEST

/* With the header or without it, the usable size is the allocator's own. */
START_TEST(usable_sizes)
{
  ck_assert(dm_next_ready());
  for (unsigned probed = 0; probed <= 1; probed++)
  {
    for (size_t size = 0; size < 3000000; size += 1 + size / 7)
    {
      void *plain = dm_next.malloc(size);
      void *aligned = dm_next.memalign((size_t) 16 << size % 9, size);
      ck_assert_uint_eq(dm_next_usable_size(plain), malloc_usable_size(plain));
      ck_assert_uint_eq(dm_next_usable_size(aligned),
                        malloc_usable_size(aligned));
      dm_next.free(plain);
      dm_next.free(aligned);
    }
    dm_next_probe();
  }
}
END_TEST

static size_t
lie(void *block)
{
  return malloc_usable_size(block) + 16;
}

/* A header that does not say what malloc_usable_size says is not believed. */
START_TEST(a_header_that_differs_is_not_read)
{
  ck_assert(dm_next_ready());
  dm_next.malloc_usable_size = lie;
  dm_next_probe();
  ck_assert(!dm_next.chunk_headers);
  void *block = dm_next.malloc(100);
  ck_assert_uint_eq(dm_next_usable_size(block), malloc_usable_size(block) + 16);
  dm_next.free(block);
}
END_TEST

/* What reads another library's blocks would read what is no header of its own.
 */
START_TEST(a_usable_size_of_another_library)
{
  ck_assert(dm_next_ready());
  ck_assert(dm_next_is_whole());
  dm_next.malloc_usable_size = lie;
  ck_assert(!dm_next_is_whole());
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {bootstrap_blocks_are_zeroed_aligned_and_apart,
                                bootstrap_comes_to_an_end,
                                bootstrap_refuses_what_is_too_much,
                                bootstrap_survives_a_refusal,
                                what_is_bootstrap,
                                finds_the_allocator,
                                usable_sizes,
                                a_header_that_differs_is_not_read,
                                a_usable_size_of_another_library,
                                NULL};
  return run_suite(make_suite("next_allocator", NULL, tests));
}
