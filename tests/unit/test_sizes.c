/* test_sizes.c -- the rows of live allocations by size. */

#include "books/sizes.h"

#include "runner.h"

/* The row of SIZE, counted in the plain way. */
static unsigned
row_of(size_t size)
{
  return dm_size_power_row(dm_size_power(size));
}

static unsigned
expected_row(size_t size)
{
  unsigned row = 0;
  while (row < DM_SIZE_ROWS - 1 && size >= (size_t) 4 << row)
    row++;
  return row;
}

START_TEST(every_size_to_10000)
{
  for (size_t size = 0; size <= 10000; size++)
    ck_assert_uint_eq(row_of(size), expected_row(size));
}
END_TEST

START_TEST(rows_begin_where_they_say)
{
  static const size_t starts[DM_SIZE_ROWS] = {0,   4,   8,   16,   32,   64,
                                              128, 256, 512, 1024, 2048, 4096};
  for (unsigned row = 0; row < DM_SIZE_ROWS; row++)
  {
    ck_assert_uint_eq(dm_size_row_start(row), starts[row]);
    ck_assert_uint_eq(row_of(starts[row]), row);
    if (row > 0)
      ck_assert_uint_eq(row_of(starts[row] - 1), row - 1);
  }
}
END_TEST

START_TEST(huge_sizes_are_in_the_last_row)
{
  for (unsigned bit = 12; bit < 64; bit++)
  {
    ck_assert_uint_eq(row_of((size_t) 1 << bit), DM_SIZE_ROWS - 1);
    ck_assert_uint_eq(row_of(((size_t) 1 << bit) + 1), DM_SIZE_ROWS - 1);
    ck_assert_uint_eq(dm_size_power((size_t) 1 << bit), bit);
  }
  ck_assert_uint_eq(row_of(SIZE_MAX), DM_SIZE_ROWS - 1);
  ck_assert_uint_lt(dm_size_power(SIZE_MAX), DM_SIZE_POWERS);
  ck_assert_uint_eq(dm_size_power(0), 1);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {every_size_to_10000, rows_begin_where_they_say,
                                huge_sizes_are_in_the_last_row, NULL};
  return run_suite(make_suite("sizes", NULL, tests));
}
