/* test_ledger.c -- the books of threads: what goes in comes out in the sum. */

#include "books/ledger.h"

#include "base/sys.h"
#include "books/callsites.h"
#include "fake_clock.h"
#include "ledger_rig.h"
#include "runner.h"

START_TEST(counts_in_every_view)
{
  struct dm_ledger *ledger = new_ledger();
  fake_clock_set(3);
  dm_ledger_alloc(ledger, 77, 3, 100);
  dm_ledger_alloc(ledger, 77, 3, 3000);
  dm_ledger_alloc(ledger, 5000, 3, 0);
  dm_ledger_free(ledger, 77, 3, 100);
  check_live(2, 3000);
  struct dm_sums sums = sums_of(ledger, 77);
  ck_assert_uint_eq(sums.allocations, 2);
  ck_assert_uint_eq(sums.allocated_bytes, 3100);
  ck_assert_uint_eq(sums.frees[0], 1);
  ck_assert_uint_eq(sums.freed_bytes, 100);
  ck_assert_uint_eq(sums_of(ledger, 5000).allocations, 1);
  ck_assert_ptr_null(dm_ledger_cell(ledger, 10000));
  ck_assert_uint_eq(ledger->sizes[dm_size_power(3000)].count, 1);
  ck_assert_uint_eq(ledger->sizes[dm_size_power(0)].count, 1);
}
END_TEST

/* What is left of a second when it is over is filed under it; what died within
   it leaves no place. */
START_TEST(a_second_is_filed_when_it_is_over)
{
  struct dm_ledger *ledger = new_ledger();
  fake_clock_set(7);
  for (unsigned i = 0; i < 10; i++)
    dm_ledger_alloc(ledger, 5, 7, 100);
  dm_ledger_free(ledger, 5, 7, 100);
  dm_ledger_alloc(ledger, 6, 7, 8);
  dm_ledger_free(ledger, 6, 7, 8);
  uint32_t second;
  const struct dm_cell *cell = dm_ledger_cell(ledger, 5);
  ck_assert_uint_eq(dm_births_look(&ledger->births, 5, 7).count, 0);
  ck_assert_uint_eq(dm_ledger_youngest(ledger, cell, &second).count, 9);
  ck_assert_uint_eq(second, 7);

  fake_clock_set(9);
  dm_ledger_alloc(ledger, 5, 9, 1);
  dm_ledger_alloc(ledger, 6, 9, 1);
  ck_assert_uint_eq(dm_births_look(&ledger->births, 5, 7).count, 9);
  ck_assert_uint_eq(dm_births_look(&ledger->births, 5, 7).bytes, 900);
  ck_assert_uint_eq(dm_births_look(&ledger->births, 6, 7).count, 0);
  ck_assert_uint_eq(ledger->births.current->used, 1);
  ck_assert_uint_eq(dm_ledger_youngest(ledger, cell, &second).count, 1);
  ck_assert_uint_eq(second, 9);

  /* The free of an old block finds its second, in any thread. */
  dm_ledger_free(ledger, 5, 7, 100);
  ck_assert_uint_eq(dm_births_look(&ledger->births, 5, 7).count, 8);
  struct dm_ledger *other = new_ledger();
  dm_ledger_free(other, 5, 7, 100);
  ck_assert_uint_eq(dm_births_look(&other->births, 5, 7).count, UINT64_MAX);
  check_live(9, 702);
}
END_TEST

START_TEST(frees_are_told_by_age)
{
  static const struct
  {
    uint32_t age;
    unsigned row;
  } lives[] = {{0, 0},  {1, 1},   {9, 1},   {10, 2},
               {99, 2}, {100, 3}, {999, 3}, {1000, 4}};
  struct dm_ledger *ledger = new_ledger();
  uint64_t expected[DM_AGE_ROWS] = {0};
  for (unsigned i = 0; i < sizeof lives / sizeof *lives; i++)
  {
    fake_clock_set(1000 + lives[i].age);
    dm_ledger_alloc(ledger, 3, 1000, 10);
    dm_ledger_free(ledger, 3, 1000, 10);
    expected[lives[i].row]++;
    struct dm_sums sums = sums_of(ledger, 3);
    for (unsigned row = 0; row < DM_AGE_ROWS; row++)
      ck_assert_uint_eq(sums.frees[row], expected[row]);
  }
  check_live(0, 0);
}
END_TEST

START_TEST(undone_is_as_never_done)
{
  struct dm_ledger *ledger = new_ledger();
  dm_ledger_alloc(ledger, 3, 1, 10);
  dm_ledger_alloc(ledger, 4, 1, 10);
  fake_clock_set(2);
  dm_ledger_undo(ledger, 3, 1, 10);
  struct dm_sums sums = sums_of(ledger, 3);
  ck_assert_uint_eq(sums.allocations, 0);
  ck_assert_uint_eq(dm_sums_frees(&sums), 0);
  check_live(1, 10);
}
END_TEST

START_TEST(freed_by_another_thread)
{
  struct dm_ledger *one = new_ledger(), *other = new_ledger();
  for (uint32_t second = 1; second <= 1200; second++)
  {
    fake_clock_set(second);
    dm_ledger_alloc(one, second, second, second);
  }
  for (uint32_t second = 1; second <= 1200; second++)
    dm_ledger_free(other, second, second, second);
  check_live(0, 0);
  ck_assert_uint_eq(sums_of(other, 7).frees[4], 1);
  ck_assert_uint_eq(sums_of(other, 1195).frees[1], 1);
  ck_assert_uint_eq(sums_of(other, 7).allocations, 0);
  ck_assert_uint_eq(sums_of(one, 7).frees[4], 0);
}
END_TEST

START_TEST(resizes)
{
  struct dm_ledger *one = new_ledger(), *other = new_ledger();
  dm_ledger_alloc(one, 5, 1, 100);
  fake_clock_set(50);
  dm_ledger_resize(other, 5, 1, 100, 5000);
  check_live(1, 5000);
  dm_ledger_resize(one, 5, 1, 5000, 10);
  dm_ledger_resize(other, 5, 1, 10, 10);
  check_live(1, 10);
  ck_assert_uint_eq(sums_of(other, 5).in_place, 2);
  ck_assert_uint_eq(sums_of(other, 5).grown_bytes, 4900);
  ck_assert_uint_eq(sums_of(other, 5).shrunk_bytes, 0);
  ck_assert_uint_eq(sums_of(one, 5).shrunk_bytes, 4990);
  dm_ledger_free(other, 5, 1, 10);
  check_live(0, 0);
  dm_ledger_moved(one, 5);
  ck_assert_uint_eq(sums_of(one, 5).moved, 1);
}
END_TEST

/* 2,000 seconds of random work on five ledgers, with what it should come to. */
START_TEST(random_work_over_2000_seconds)
{
  enum
  {
    LEDGERS = 5,
    LIVE = 1000
  };
  struct dm_ledger *ledgers[LEDGERS];
  for (unsigned i = 0; i < LEDGERS; i++)
    ledgers[i] = new_ledger();
  static struct
  {
    uint32_t callsite, birth;
    size_t size;
  } block[LIVE];
  unsigned long state = 1;
  uint64_t count = 0, bytes = 0;
  for (uint32_t now = 1; now <= 2000; now++)
  {
    fake_clock_set(now);
    for (unsigned i = 0; i < 50; i++)
    {
      unsigned long random = next_random(&state);
      struct dm_ledger *ledger = ledgers[random % LEDGERS];
      unsigned j = random / 16 % LIVE;
      size_t size = (random >> 20) % 10000;
      if (block[j].birth == 0)
      {
        block[j].callsite = (random >> 40) % 3000;
        block[j].birth = now;
        block[j].size = size;
        dm_ledger_alloc(ledger, block[j].callsite, now, size);
        count++;
        bytes += size;
      }
      else if (random % 3 == 0)
      {
        dm_ledger_resize(ledger, block[j].callsite, block[j].birth,
                         block[j].size, size);
        bytes += size - block[j].size;
        block[j].size = size;
      }
      else
      {
        dm_ledger_free(ledger, block[j].callsite, block[j].birth,
                       block[j].size);
        count--;
        bytes -= block[j].size;
        block[j].birth = 0;
      }
    }
    if (now % 100 == 0)
      check_live(count, bytes);
  }
  /* Each callsite by itself. */
  for (uint32_t site = 0; site < 3000; site += 7)
  {
    struct dm_sums sum = {0};
    uint64_t expected = 0;
    for (unsigned i = 0; i < LEDGERS; i++)
      if (dm_ledger_cell(ledgers[i], site))
        dm_cell_add(&sum, dm_ledger_cell(ledgers[i], site));
    for (unsigned i = 0; i < LIVE; i++)
      expected += block[i].birth != 0 && block[i].callsite == site;
    ck_assert_uint_eq(sum.allocations - dm_sums_frees(&sum), expected);
  }
}
END_TEST

START_TEST(the_peak_of_one_thread)
{
  struct dm_ledger *ledger = new_ledger();
  for (unsigned i = 0; i < 1000; i++)
    dm_ledger_alloc(ledger, 1, 1, 1000);
  for (unsigned i = 0; i < 900; i++)
    dm_ledger_free(ledger, 1, 1, 1000);
  uint64_t peak = dm_ledger_peak(100 * 1000);
  ck_assert_uint_le(peak, 1000000);
  ck_assert_uint_ge(peak, 1000000 - DM_UNPUBLISHED_MAX);
  /* A large block is told at once. */
  dm_ledger_alloc(ledger, 1, 1, 50 << 20);
  dm_ledger_free(ledger, 1, 1, 50 << 20);
  peak = dm_ledger_peak(0);
  ck_assert_uint_ge(peak, 50 << 20);
  ck_assert_uint_le(peak, (50 << 20) + 100000 + DM_UNPUBLISHED_MAX);
  /* What a dump has summed itself counts too. */
  ck_assert_uint_eq(dm_ledger_peak(100 << 20), 100 << 20);
  ck_assert_uint_eq(dm_ledger_peak(0), 100 << 20);
}
END_TEST

START_TEST(the_peak_of_several_threads)
{
  struct dm_ledger *one = new_ledger(), *other = new_ledger();
  /* One allocates, the other frees: 100 blocks are live at a time. */
  for (unsigned i = 0; i < 100000; i++)
  {
    dm_ledger_alloc(one, 1, 1, 1000);
    if (i >= 100)
      dm_ledger_free(other, 1, 1, 1000);
  }
  uint64_t peak = dm_ledger_peak(100000);
  ck_assert_uint_ge(peak, 100000);
  ck_assert_uint_le(peak, 100000 + 2 * DM_UNPUBLISHED_MAX + 2000);
}
END_TEST

/* Only a ledger needs memory, its cells have it. */
START_TEST(without_memory)
{
  struct dm_ledger *ledger = new_ledger();
  const struct dm_ledger *newest = dm_ledgers();
  dm_sys_fail_after(1, true);
  ck_assert_ptr_null(dm_ledger_new());
  ck_assert_ptr_eq(dm_ledgers(), newest);
  for (unsigned i = 0; i <= CAP; i++)
    dm_ledger_alloc(ledger, i, 1, 10);
  check_live(CAP + 1, (CAP + 1) * 10);
  dm_ledger_alloc(dm_ledger_emergency, CAP, 1, 10);
  check_live(CAP + 2, (CAP + 2) * 10);
  dm_sys_fail_after(0, false);
  ck_assert_ptr_nonnull(dm_ledger_new());
}
END_TEST

/* What is passed over was never used. */
START_TEST(used_cells_come_in_order)
{
  static const uint32_t sites[] = {3, 64, 65, 4095, CAP};
  struct dm_ledger *ledger = new_ledger();
  const size_t mapped = dm_sys_mapped_bytes();
  uint32_t site = DM_CALLSITE_OTHER + 1;
  ck_assert_ptr_null(dm_ledger_next_cell(ledger, &site, CAP));
  for (unsigned i = 0; i < sizeof sites / sizeof *sites; i++)
    dm_ledger_alloc(ledger, sites[i], 1, 10);
  dm_ledger_own_cell(ledger, 66); /* nothing is counted */
  dm_ledger_moved(ledger, 70);
  const uint32_t expected[] = {3, 64, 65, 70, 4095, CAP};
  unsigned found = 0;
  const struct dm_cell *cell;
  for (site = 1; (cell = dm_ledger_next_cell(ledger, &site, CAP)); site++)
  {
    ck_assert_uint_eq(site, expected[found++]);
    ck_assert_ptr_eq(cell, dm_ledger_cell(ledger, site));
    ck_assert_uint_eq(dm_cell_callsite(cell), site);
  }
  ck_assert_uint_eq(found, 6);
  site = 4;
  ck_assert_ptr_null(dm_ledger_next_cell(ledger, &site, 63));
  /* Three pages of cells more, and what a realloc is counted in. */
  ck_assert_uint_ge(dm_sys_mapped_bytes(), mapped + 3 * 4096);
  ck_assert_uint_lt(dm_sys_mapped_bytes(), mapped + (2 << 20));
}
END_TEST

START_TEST(no_memory_at_the_start)
{
  dm_sys_fail_after(1, true);
  /* The arena's first block was taken by setup. */
  while (dm_ledgers_init(CAP) == 0)
    ;
  ck_assert_int_lt(dm_ledgers_init(CAP), 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {counts_in_every_view,
                                a_second_is_filed_when_it_is_over,
                                frees_are_told_by_age,
                                undone_is_as_never_done,
                                freed_by_another_thread,
                                resizes,
                                random_work_over_2000_seconds,
                                the_peak_of_one_thread,
                                the_peak_of_several_threads,
                                without_memory,
                                used_cells_come_in_order,
                                no_memory_at_the_start,
                                NULL};
  return run_suite(make_suite("ledger", ledger_setup, tests));
}
