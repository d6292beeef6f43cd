/* test_ages.c -- the rows and slots that ages are told in. */

#include "books/ages.h"

#include "runner.h"

START_TEST(row_of_each_age)
{
  static const struct
  {
    uint32_t age;
    unsigned row;
  } wanted[] = {{0, 0},   {1, 1},   {9, 1},    {10, 2},   {99, 2},
                {100, 3}, {999, 3}, {1000, 4}, {5000, 4}, {UINT32_MAX, 4}};
  for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
    ck_assert_uint_eq(dm_age_row(wanted[i].age), wanted[i].row);
  for (unsigned row = 0; row < DM_AGE_ROWS; row++)
    ck_assert_uint_eq(dm_age_row(dm_age_row_start(row)), row);
  for (unsigned row = 1; row < DM_AGE_ROWS; row++)
    ck_assert_uint_eq(dm_age_row(dm_age_row_start(row) - 1), row - 1);
}
END_TEST

START_TEST(slots_follow_each_other)
{
  static const uint32_t starts[DM_BIRTH_SLOTS] = {
      0,  1,  2,  3,  4,   5,   6,   7,   8,   9,   10,  20,  30,  40,  50,
      60, 70, 80, 90, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000};
  for (unsigned slot = 0; slot < DM_BIRTH_SLOTS; slot++)
  {
    ck_assert_uint_eq(dm_birth_slot_start(slot), starts[slot]);
    ck_assert_uint_eq(dm_birth_slot(starts[slot]), slot);
    if (slot > 0)
      ck_assert_uint_eq(dm_birth_slot(starts[slot] - 1), slot - 1);
  }
  ck_assert_uint_eq(dm_birth_slot(UINT32_MAX), DM_BIRTH_SLOTS - 1);
}
END_TEST

START_TEST(a_row_is_made_of_whole_slots)
{
  for (uint32_t age = 1; age < 3000; age++)
    if (dm_age_row(age) != dm_age_row(age - 1))
      ck_assert_uint_ne(dm_birth_slot(age), dm_birth_slot(age - 1));
}
END_TEST

START_TEST(a_birth_still_to_come_is_age_0)
{
  ck_assert_uint_eq(dm_age(10, 3), 7);
  ck_assert_uint_eq(dm_age(10, 10), 0);
  ck_assert_uint_eq(dm_age(10, 12), 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {row_of_each_age, slots_follow_each_other,
                                a_row_is_made_of_whole_slots,
                                a_birth_still_to_come_is_age_0, NULL};
  return run_suite(make_suite("ages", NULL, tests));
}
