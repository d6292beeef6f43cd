/* test_interpose_sized.c -- the free functions that this machine's C library
   may not have yet. */

#include <check.h>
#include <malloc.h>
#include <stdlib.h>

#include "runner.h"

void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);

enum
{
  LARGE = 1 << 20
};

START_TEST(both_free)
{
  size_t before = mallinfo2().hblkhd;
  void *block = malloc(LARGE), *aligned = aligned_alloc(4096, LARGE);
  ck_assert_uint_ge(mallinfo2().hblkhd, before + 2 * LARGE);
  free_sized(block, LARGE);
  free_aligned_sized(aligned, 4096, LARGE);
  ck_assert_uint_eq(mallinfo2().hblkhd, before);
  free_sized(NULL, 0);
  free_aligned_sized(NULL, 8, 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {both_free, NULL};
  return run_suite(make_suite("interpose_sized", NULL, tests));
}
