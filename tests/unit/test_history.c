/* test_history.c -- looks at callsites over time. */

#include "dump/history.h"

#include <string.h>

#include "base/sys.h"
#include "dump/snapshot.h"
#include "runner.h"

enum
{
  CAP = 100
};
static struct dm_callsite_figures figures;

static void
setup(void)
{
  ck_assert_int_eq(dm_history_init(CAP), 0);
  figures = (struct dm_callsite_figures){.number = 1};
}

/* A look in slice NOW at COUNT blocks of 100 s, PASSED so far. */
static const struct dm_history *
look(uint32_t now, int64_t count, uint64_t passed)
{
  figures.ages[3] = (struct dm_live){count, 10 * count};
  figures.live = figures.ages[3];
  figures.survived[2] = passed;
  dm_history_begin(now);
  return dm_history_look(&figures);
}

START_TEST(none_without_old_blocks)
{
  ck_assert_ptr_null(look(5, 0, 0));
  size_t mapped = dm_sys_mapped_bytes();
  figures.allocations = figures.frees = 1000000;
  ck_assert_ptr_null(look(10, 0, 0));
  /* Small blocks that realloc moves are nothing to remember; large ones are. */
  figures.moved = 1;
  figures.live.bytes = 65535;
  ck_assert_ptr_null(dm_history_look(&figures));
  ck_assert_uint_eq(dm_sys_mapped_bytes(), mapped);
  figures.live.bytes = 65536;
  ck_assert_ptr_nonnull(dm_history_look(&figures));
  /* A number past the cap has none. */
  figures.number = CAP + 1;
  figures.survived[2] = 5;
  ck_assert_ptr_null(dm_history_look(&figures));
}
END_TEST

START_TEST(begins_with_what_was_before)
{
  look(95, 0, 0);
  const struct dm_history *history = look(100, 3, 4);
  ck_assert(history->from_birth);
  ck_assert_uint_eq(history->first_slice, 95);
  ck_assert_uint_eq(history->counts[0], 1);
  ck_assert_uint_eq(history->samples[0][0].slice, 95);
  ck_assert_uint_eq(history->samples[0][0].peak[DM_MEASURE_OLD], 0);
  ck_assert_uint_eq(history->latest.peak[DM_MEASURE_OLD], 3);
  ck_assert_uint_eq(history->latest.passed[0], 4);
  ck_assert_int_eq(history->latest.old_bytes, 30);
}
END_TEST

START_TEST(first_look_of_all)
{
  const struct dm_history *history = look(5000, 3, 4);
  ck_assert(!history->from_birth);
  ck_assert_uint_eq(history->first_slice, 5000);
  ck_assert_uint_eq(history->samples[0][0].peak[DM_MEASURE_OLD], 3);
}
END_TEST

/* Four samples at each level, at least its step apart, the oldest first. */
START_TEST(samples_at_growing_distances)
{
  const struct dm_history *history = NULL;
  for (uint32_t now = 5; now <= 100000; now += 5)
    history = look(now, now < 100 ? 0 : now, now < 100 ? 0 : now);
  uint32_t step = DM_HISTORY_STEP;
  for (unsigned level = 0; level < DM_HISTORY_LEVELS; level++, step *= 4)
  {
    const struct dm_sample *samples = history->samples[level];
    ck_assert_uint_eq(history->counts[level], DM_HISTORY_SAMPLES);
    for (unsigned i = 1; i < DM_HISTORY_SAMPLES; i++)
      ck_assert_uint_eq(samples[i].slice - samples[i - 1].slice, step);
    ck_assert_uint_lt(100000 - samples[3].slice, step);
  }
}
END_TEST

/* With looks a minute apart the nearest one counts. */
START_TEST(slow_looks)
{
  const struct dm_history *history = NULL;
  for (uint32_t now = 60; now <= 6000; now += 60)
    history = look(now, 1, 1);
  ck_assert_uint_eq(history->samples[0][3].slice - history->samples[0][2].slice,
                    120);
}
END_TEST

START_TEST(the_mark_and_its_drops)
{
  look(95, 0, 0);
  look(100, 50, 50);
  const struct dm_history *history = look(200, 100, 100);
  const struct dm_climb *climb = &history->climbs[DM_MEASURE_OLD];
  ck_assert_uint_eq(climb->peak, 100);
  ck_assert_uint_eq(climb->peak_slice, 200);
  ck_assert_uint_eq(climb->start, 100);
  ck_assert_uint_eq(climb->pause, 100);
  look(205, 50, 100); /* half is no drop */
  ck_assert_uint_eq(climb->peak, 100);
  ck_assert_uint_eq(climb->peak_slice, 200);
  look(210, 49, 100);
  ck_assert_uint_eq(climb->peak, 49);
  ck_assert_uint_eq(climb->drop, 210);
  ck_assert_uint_eq(climb->start, 0);
  ck_assert_uint_eq(climb->tooth_height, 100);
  ck_assert_uint_eq(climb->tooth_length, 100);
  look(300, 60, 160);
  ck_assert_uint_eq(climb->start, 300);
  ck_assert_uint_eq(history->passed_slice, 300);
}
END_TEST

START_TEST(odd_figures)
{
  look(95, 0, 0);
  figures.live.bytes = -5;
  const struct dm_history *history = look(100, -3, 1);
  ck_assert_uint_eq(history->latest.peak[DM_MEASURE_OLD], 0);
  history = look(105, INT64_MAX / 20, 1);
  ck_assert_uint_eq(history->latest.peak[DM_MEASURE_OLD], UINT32_MAX);
}
END_TEST

/* A look in the same second is the same look. */
START_TEST(twice_in_a_second)
{
  look(95, 0, 0);
  look(100, 3, 3);
  const struct dm_history *history = look(100, 7, 7);
  ck_assert_uint_eq(history->latest.peak[DM_MEASURE_OLD], 3);
  ck_assert_uint_eq(look(105, 7, 7)->latest.peak[DM_MEASURE_OLD], 7);
}
END_TEST

START_TEST(forgotten_ones_are_used_again)
{
  look(95, 0, 0);
  const struct dm_history *first = look(100, 3, 3);
  figures.number = 2;
  dm_history_look(&figures);
  dm_history_forget(1);
  dm_history_forget(1);
  dm_history_forget(50); /* had none */
  dm_history_forget(CAP + 1);
  size_t mapped = dm_sys_mapped_bytes();
  figures.number = 3;
  const struct dm_history *third = look(105, 9, 9);
  ck_assert_ptr_eq(third, first);
  ck_assert_uint_eq(third->number, 3);
  ck_assert_uint_eq(third->counts[0], 1);
  ck_assert_uint_eq(third->first_slice, 100);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), mapped);
}
END_TEST

START_TEST(bounded)
{
  ck_assert_uint_eq(sizeof(struct dm_history), 680);
  ck_assert_uint_eq(sizeof(struct dm_sample), 32);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {none_without_old_blocks,
                                begins_with_what_was_before,
                                first_look_of_all,
                                samples_at_growing_distances,
                                slow_looks,
                                the_mark_and_its_drops,
                                odd_figures,
                                twice_in_a_second,
                                forgotten_ones_are_used_again,
                                bounded,
                                NULL};
  return run_suite(make_suite("history", setup, tests));
}
