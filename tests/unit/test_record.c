/* test_record.c -- one allocation's way into the books, with the clock, the
   unwinder and the allocator replaced. */

#include "hook/record.h"

#include "base/sys.h"
#include "books/callsites.h"
#include "fake_clock.h"
#include "fake_unwind.h"
#include "record_rig.h"
#include "runner.h"

static struct dm_realloc under_way;

START_TEST(sizes_that_cannot_be_stay_so)
{
  ck_assert_uint_eq(dm_stamped_size(0), 16);
  ck_assert_uint_eq(dm_stamped_size(PTRDIFF_MAX - 16), PTRDIFF_MAX);
  ck_assert_uint_eq(dm_stamped_size(PTRDIFF_MAX - 15), PTRDIFF_MAX - 15);
  ck_assert_uint_eq(dm_stamped_size(SIZE_MAX), SIZE_MAX);
}
END_TEST

START_TEST(allocates_and_frees)
{
  static const size_t slacks[] = {0, 1, 8, 4094, 4095, 9000};
  void *block[6];
  for (unsigned i = 0; i < 6; i++)
    block[i] = allocate(100 * i, slacks[i]);
  check_live(6, 1500);
  ck_assert_uint_eq(dm_ledger_cell(dm_thread_self()->ledger, 7)->allocations,
                    6);
  for (unsigned i = 0; i < 6; i++)
  {
    size_t usable = fake_usable_size(block[i]);
    ck_assert_uint_ge(dm_record_room(block[i], usable), 100 * i);
    ck_assert_uint_lt(dm_record_room(block[i], usable), usable - 15);
    release(block[i], caller);
    ck_assert_uint_eq(dm_record_room(block[i], usable), usable);
  }
  check_live(0, 0);
  ck_assert_uint_eq(sum_all().mishaps.foreign_frees, 0);
}
END_TEST

START_TEST(no_block_is_no_allocation)
{
  ck_assert_ptr_null(record(NULL, 100, caller));
  dm_thread_here = (struct dm_thread_here){NULL, 0};
  ck_assert_ptr_null(record(NULL, 100, caller));
  check_live(0, 0);
}
END_TEST

START_TEST(less_than_was_asked_for)
{
  void *block = fake_block(100);
  ck_assert_ptr_eq(record(block, 100, caller), block);
  check_live(0, 0);
  ck_assert_int_eq(((char *) block)[99], 'l');
}
END_TEST

/* A block a second; each is as old as it should be, and is freed at an age of
   its own: nothing is left in any row. */
START_TEST(ages_over_2000_seconds)
{
  enum
  {
    SECONDS = 2000
  };
  static void *block[SECONDS + 1];
  for (uint32_t now = 1; now <= SECONDS; now++)
  {
    fake_clock_set(now);
    block[now] = allocate(now, 0);
  }
  struct figures sum = sum_all();
  static const uint64_t expected[DM_AGE_ROWS] = {1, 9, 90, 900, 1000};
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    ck_assert_uint_eq(sum.ages[i].count, expected[i]);
  for (uint32_t i = 1; i <= SECONDS; i++)
  {
    fake_clock_set(SECONDS + i);
    release(block[i * 7 % (SECONDS + 1)], caller);
  }
  sum = sum_all();
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    ck_assert(sum.ages[i].count == 0 && sum.ages[i].bytes == 0);
  check_live(0, 0);
}
END_TEST

/* --------------------------------------------------------------------------
   What is not ours, or was. */

START_TEST(foreign_blocks)
{
  release(fake_block(100), caller);
  release(fake_block(8), caller);
  release(fake_block(0), caller);
  void *block = allocate(10, 0);
  release(block, caller);
  release(block, caller); /* the program's mistake, not ours to catch */
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.mishaps.foreign_frees, 4);
  ck_assert_uint_eq(sum.mishaps.broken_stamps, 0);
  ck_assert_uint_eq(dm_sums_frees(&sum.cell), 1);
  check_live(0, 0);
}
END_TEST

START_TEST(broken_stamps)
{
  char *block = allocate(100, 0), *other = allocate(50, 0);
  block[100] ^= 1; /* one byte too far */
  release(block, caller);
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.mishaps.broken_stamps, 1);
  ck_assert_uint_eq(sum.mishaps.foreign_frees, 0);
  check_live(2, 150); /* nobody knows how large it was */
  other[52] ^= 0x40;
  dm_record_realloc_begin(&under_way, other);
  dm_record_realloc_end(&under_way, NULL, 1000, caller);
  ck_assert_uint_eq(sum_all().mishaps.broken_stamps, 1);
  dm_record_realloc_begin(&under_way, other);
  dm_record_realloc_end(&under_way, fake_block(dm_stamped_size(60)), 60,
                        caller);
  ck_assert_uint_eq(sum_all().mishaps.broken_stamps, 2);
  check_live(3, 210);
  ck_assert_uint_eq(sum_all().cell.moved, 0);
}
END_TEST

START_TEST(the_loader_frees)
{
  const uintptr_t record_of_loader[] = {0, dm_loader_start};
  const struct dm_caller loader = {record_of_loader};
  release(allocate(10, 0), caller);
  /* What it asked for itself, then. */
  void *block = record(fake_block(dm_stamped_size(20)), 20, loader);
  void *other = record(fake_block(dm_stamped_size(30)), 30, loader);
  check_live(2, 50);
  ck_assert_uint_eq(fake_rechecks, 0);
  release(block, loader);
  ck_assert_uint_eq(fake_rechecks, 1);
  release(other, caller);
  ck_assert_uint_eq(fake_rechecks, 1);
  release(fake_block(10), loader);
  ck_assert_uint_eq(fake_rechecks, 2);
  check_live(0, 0);
}
END_TEST

/* --------------------------------------------------------------------------
   The number of a callsite is given to another between look-up and count. */

START_TEST(a_number_reclaimed_meanwhile)
{
  const struct dm_ledger *ledger = dm_thread_self()->ledger;
  allocate(1, 0);
  fake_next_callsite = 8;
  void *block = allocate(100, 0);
  check_live(2, 101);
  ck_assert_uint_eq(dm_ledger_cell(ledger, 7)->allocations, 1);
  ck_assert_uint_eq(dm_ledger_cell(ledger, 7)->allocated_bytes, 1);
  ck_assert_uint_eq(dm_ledger_cell(ledger, 8)->allocations, 1);
  ck_assert_uint_eq(dm_ledger_cell(ledger, 8)->allocated_bytes, 100);
  struct dm_block what;
  ck_assert_int_eq(dm_stamp_read(block, fake_usable_size(block), &what),
                   DM_STAMP_VALID);
  ck_assert_uint_eq(what.callsite, 8);
  /* It may be the same number again. */
  fake_next_callsite = 8;
  release(allocate(10, 0), caller);
  release(block, caller);
  check_live(1, 1);
  uint64_t frees = dm_ledger_cell(ledger, 8)->frees;
  ck_assert_uint_eq(frees, 2);
}
END_TEST

/* --------------------------------------------------------------------------
   A thread for which there is no place. */

START_TEST(without_a_place)
{
  void *early = allocate(1000, 0);
  lose_place();
  void *block = allocate(100, 0);
  ck_assert_ptr_null(dm_thread_here.place);
  check_live(2, 1100);
  const struct dm_cell *cell =
      dm_ledger_cell(dm_ledger_emergency, DM_CALLSITE_OTHER);
  ck_assert_uint_eq(cell->allocations, 1);
  release(early, caller);
  release(block, caller);
  check_live(0, 0);
  release(fake_block(100), caller);
  check_live(0, 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {sizes_that_cannot_be_stay_so,
                                allocates_and_frees,
                                no_block_is_no_allocation,
                                less_than_was_asked_for,
                                ages_over_2000_seconds,
                                foreign_blocks,
                                broken_stamps,
                                the_loader_frees,
                                a_number_reclaimed_meanwhile,
                                without_a_place,
                                NULL};
  return run_suite(make_suite("record", record_setup, tests));
}
