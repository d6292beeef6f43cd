/* test_record_realloc.c -- realloc's way into the books, and random calls. */

#include "hook/record.h"

#include <string.h>

#include "fake_clock.h"
#include "fake_unwind.h"
#include "record_rig.h"
#include "runner.h"

static struct dm_realloc under_way;

START_TEST(realloc_in_place)
{
  void *block = allocate(100, 500);
  fake_clock_set(500);
  fake_callsite = 8; /* whoever resizes: the block keeps its callsite */
  dm_record_realloc_begin(&under_way, block);
  dm_record_realloc_end(&under_way, block, 600, caller);
  check_live(1, 600);
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.ages[3].count, 1); /* and its birth */
  ck_assert_uint_eq(sum.ages[3].bytes, 600);
  ck_assert_uint_eq(sum.cell.in_place, 1);
  ck_assert_uint_eq(sum.cell.grown_bytes, 500);
  ck_assert_uint_eq(sum.cell.allocations, 1);
  ck_assert_uint_eq(dm_sums_frees(&sum.cell), 0);
  ck_assert_uint_eq(sum.cell.moved, 0);
  /* It shrinks, and the usable size with it. */
  dm_record_realloc_begin(&under_way, block);
  ((size_t *) block)[-1] = 56;
  dm_record_realloc_end(&under_way, block, 40, caller);
  check_live(1, 40);
  release(block, caller);
  check_live(0, 0);
}
END_TEST

START_TEST(realloc_that_moves)
{
  void *block = allocate(100, 0);
  fake_clock_set(500);
  fake_callsite = 8;
  dm_record_realloc_begin(&under_way, block);
  void *other = fake_block(dm_stamped_size(1000));
  dm_record_realloc_end(&under_way, other, 1000, caller);
  check_live(1, 1000);
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.ages[0].count, 1);
  ck_assert_uint_eq(sum.cell.allocations, 2);
  ck_assert_uint_eq(dm_sums_frees(&sum.cell), 1);
  ck_assert_uint_eq(sum.cell.moved, 1);
  ck_assert_uint_eq(sum.cell.in_place, 0);
  ck_assert_uint_eq(dm_ledger_cell(dm_thread_self()->ledger, 8)->late->moved,
                    1);
  /* The old one is nobody's now. */
  release(block, caller);
  ck_assert_uint_eq(sum_all().mishaps.foreign_frees, 1);
  release(other, caller);
  check_live(0, 0);
}
END_TEST

/* An allocator that calls its own malloc, which is ours, for what it hands out:
   the block is in the books when it comes. */
START_TEST(realloc_that_calls_malloc)
{
  dm_next.chunk_headers = false;
  for (unsigned without_place = 0; without_place < 2; without_place++)
  {
    if (without_place)
      lose_place();
    void *block = allocate(100, 0);
    dm_record_realloc_begin(&under_way, block);
    void *other = allocate(dm_stamped_size(1000), 0);
    dm_record_realloc_end(&under_way, other, 1000, caller);
    check_live(1, 1000);
    /* In place, by a realloc within. */
    dm_record_realloc_begin(&under_way, other);
    record(other, 500, caller);
    dm_record_realloc_end(&under_way, other, 600, caller);
    check_live(1, 600);
    release(other, caller);
    check_live(0, 0);
  }
}
END_TEST

START_TEST(realloc_that_fails)
{
  static const size_t slacks[] = {0, 4095, 8000};
  for (unsigned i = 0; i < 3; i++)
  {
    fake_clock_set(1);
    void *block = allocate(100, slacks[i]);
    fake_clock_set(200);
    dm_record_realloc_begin(&under_way, block);
    dm_record_realloc_end(&under_way, NULL, SIZE_MAX / 2, caller);
    check_live(1, 100);
    ck_assert_uint_eq(sum_all().ages[3].count, 1);
    release(block, caller);
    check_live(0, 0);
  }
  ck_assert_uint_eq(sum_all().mishaps.foreign_frees, 0);
}
END_TEST

START_TEST(realloc_to_nothing)
{
  void *block = allocate(100, 0);
  dm_record_realloc_begin(&under_way, block);
  dm_record_realloc_freed(&under_way);
  check_live(0, 0);
  ck_assert_uint_eq(sum_all().cell.frees[0], 1);
}
END_TEST

START_TEST(realloc_of_a_foreign_block)
{
  void *block = fake_block(200);
  dm_record_realloc_begin(&under_way, block);
  dm_record_realloc_end(&under_way, NULL, 1000, caller);
  ck_assert_uint_eq(sum_all().mishaps.foreign_frees, 0);
  check_live(0, 0);
  /* In place: from now on it is one of ours. */
  dm_record_realloc_begin(&under_way, block);
  dm_record_realloc_end(&under_way, block, 150, caller);
  ck_assert_uint_eq(sum_all().mishaps.foreign_frees, 1);
  check_live(1, 150);
  ck_assert_uint_eq(sum_all().cell.moved, 0);
  release(block, caller);
  check_live(0, 0);
}
END_TEST

/* No room for a stamp after a realloc in place: it leaves the books. */
START_TEST(realloc_in_place_without_room)
{
  void *block = allocate(100, 0);
  dm_record_realloc_begin(&under_way, block);
  dm_record_realloc_end(&under_way, block, 110, caller);
  check_live(0, 0);
}
END_TEST

START_TEST(realloc_without_a_place)
{
  lose_place();
  void *block = allocate(100, 500);
  dm_record_realloc_begin(&under_way, block);
  dm_record_realloc_end(&under_way, NULL, 1000, caller);
  check_live(1, 100);
  dm_record_realloc_begin(&under_way, block);
  void *other = fake_block(dm_stamped_size(200) + 100);
  dm_record_realloc_end(&under_way, other, 200, caller);
  check_live(1, 200);
  /* In place: nothing is freed. */
  dm_record_realloc_begin(&under_way, other);
  dm_record_realloc_end(&under_way, other, 300, caller);
  check_live(1, 300);
  release(other, caller);
  check_live(0, 0);
}
END_TEST

START_TEST(random_calls_over_3000_seconds)
{
  enum
  {
    BLOCKS = 200,
    ROOM = 2048
  };
  static struct
  {
    char *block;
    size_t size;
    bool live;
  } slot[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++)
    slot[i].block = fake_block(ROOM + 9000);
  unsigned long state = 1;
  uint64_t count = 0, bytes = 0;
  for (uint32_t now = 1; now <= 3000; now++)
  {
    fake_clock_set(now);
    for (unsigned i = 0; i < 20; i++)
    {
      unsigned long random = next_random(&state);
      unsigned j = random % BLOCKS;
      size_t size = (random >> 16) % ROOM;
      char *block = slot[j].block;
      fake_callsite = (random >> 40) % CAP;
      if (!slot[j].live)
      {
        ((size_t *) block)[-1] = dm_stamped_size(size) + (random >> 50) % 9000;
        record(block, size, caller);
        count++;
        bytes += size;
      }
      else if (random % 4 == 0)
      {
        dm_record_realloc_begin(&under_way, block);
        if (random & 32)
          ((size_t *) block)[-1] = dm_stamped_size(size);
        else
          size = slot[j].size;
        dm_record_realloc_end(&under_way, random & 32 ? block : NULL, size,
                              caller);
        bytes += size - slot[j].size;
      }
      else
      {
        release(block, caller);
        count--;
        bytes -= slot[j].size;
        slot[j].live = false;
        continue;
      }
      slot[j].live = true;
      slot[j].size = size;
      memset(block, 0xff, dm_record_room(block, fake_usable_size(block)));
    }
    if (now % 100 == 0)
      check_live(count, bytes);
  }
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.mishaps.broken_stamps, 0);
  ck_assert_uint_eq(sum.mishaps.foreign_frees, 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {realloc_in_place,
                                realloc_that_moves,
                                realloc_that_calls_malloc,
                                realloc_that_fails,
                                realloc_to_nothing,
                                realloc_of_a_foreign_block,
                                realloc_in_place_without_room,
                                realloc_without_a_place,
                                random_calls_over_3000_seconds,
                                NULL};
  return run_suite(make_suite("record_realloc", record_setup, tests));
}
