/* test_births.c -- live blocks by callsite and second of birth, over thousands
   of simulated seconds. */

#include "books/births.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>

#include "base/sys.h"
#include "runner.h"
#include "single_step.h"

static struct dm_births births;

/* What the table should say: the same figures kept in the plain way. */
enum
{
  SECONDS = 5000,
  CALLSITES = 50
};
static struct dm_row born[CALLSITES][SECONDS];

static void
setup(void)
{
  memset(&births, 0, sizeof births);
  memset(born, 0, sizeof born);
  ck_assert(dm_births_init(&births));
}

static void
add(uint32_t callsite, uint32_t birth, uint32_t now, uint64_t count,
    uint64_t bytes)
{
  dm_births_add(&births, callsite, birth, now, count, bytes);
  dm_row_add(&born[callsite][birth], count, bytes);
}

struct sums
{
  uint32_t now;
  struct dm_row row[CALLSITES][DM_AGE_ROWS];
};

static void
see(void *arg, uint32_t callsite, uint32_t birth, struct dm_row live)
{
  struct sums *sums = arg;
  uint32_t age =
      birth == DM_BIRTH_OLDER ? DM_AGE_SLICES : dm_age(sums->now, birth);
  ck_assert_uint_lt(callsite, CALLSITES);
  dm_row_add(&sums->row[callsite][dm_age_row(age)], live.count, live.bytes);
}

static struct sums
sum_at(uint32_t now)
{
  struct sums sums;
  memset(&sums, 0, sizeof sums);
  sums.now = now;
  dm_births_visit(&births, see, &sums);
  return sums;
}

/* Checks every row of every callsite in slice NOW against the plain books. */
static void
check_at(uint32_t now)
{
  struct sums expected, sums = sum_at(now);
  memset(&expected, 0, sizeof expected);
  for (uint32_t site = 0; site < CALLSITES; site++)
    for (uint32_t birth = 1; birth < SECONDS; birth++)
      dm_row_add(&expected.row[site][dm_age_row(dm_age(now, birth))],
                 born[site][birth].count, born[site][birth].bytes);
  for (uint32_t site = 0; site < CALLSITES; site++)
    for (unsigned i = 0; i < DM_AGE_ROWS; i++)
      ck_assert_msg(
          sums.row[site][i].count == expected.row[site][i].count &&
              sums.row[site][i].bytes == expected.row[site][i].bytes,
          "second %u, callsite %u, row %u: %ld blocks, %ld bytes; "
          "expected %ld, %ld",
          now, site, i, (long) sums.row[site][i].count,
          (long) sums.row[site][i].bytes, (long) expected.row[site][i].count,
          (long) expected.row[site][i].bytes);
}

/* Blocks of another number and size each second. */
START_TEST(blocks_grow_old_over_2500_seconds)
{
  for (uint32_t now = 1; now <= 2500; now++)
  {
    add(now % 3, now, now, now % 7, 1000 + now);
    if (now % 10 < 2)
      check_at(now);
  }
  /* Nobody allocates any more: nothing is touched, the ages go on. */
  for (uint32_t now = 2500; now <= 4000; now += 50)
    check_at(now);
}
END_TEST

START_TEST(random_births_and_deaths_over_2500_seconds)
{
  unsigned long state = 1;
  for (uint32_t now = 1; now <= 2500; now++)
  {
    for (unsigned i = 0; i < 40; i++)
    {
      unsigned long random = next_random(&state);
      uint32_t birth = now - (uint32_t) (random % 3 ? random / 8 % now : 0);
      uint32_t site = (random >> 30) % CALLSITES;
      uint64_t bytes = random >> 40;
      if (random % 5 < 3)
        add(site, birth, now, 1, bytes);
      else
        add(site, birth, now, -UINT64_C(1), -bytes);
    }
    if (now % 50 == 0)
      check_at(now);
  }
}
END_TEST

/* A free finds the place that its allocation went to, however old the block and
   whatever has become of the table. */
START_TEST(frees_leave_nothing_behind)
{
  static const uint32_t lives[] = {0,    1,    9,    10,   99,  100,
                                   999,  1000, 1001, 1023, 4000};
  for (unsigned i = 0; i < sizeof lives / sizeof *lives; i++)
  {
    setup();
    add(7, 7, 7, 3, 300);
    for (uint32_t second = 8; second < 7 + lives[i]; second++)
      add(8, second, second, 1, 1);
    check_at(7 + lives[i]);
    add(7, 7, 7 + lives[i], -UINT64_C(3), -UINT64_C(300));
    struct sums sums = sum_at(7 + lives[i]);
    for (unsigned row = 0; row < DM_AGE_ROWS; row++)
      ck_assert_msg(sums.row[7][row].count == 0 && sums.row[7][row].bytes == 0,
                    "row %u after %u seconds", row, lives[i]);
  }
}
END_TEST

/* What dies leaves its place: a table of blocks that live ten seconds does not
   grow with time. */
START_TEST(places_are_used_again)
{
  for (uint32_t now = 1; now < SECONDS; now++)
  {
    add(1, now, now, 5, 50);
    if (now > 10)
      add(1, now - 10, now, -UINT64_C(5), -UINT64_C(50));
  }
  ck_assert_uint_eq(births.current->capacity, 128);
  check_at(SECONDS - 1);
}
END_TEST

/* And one of blocks that live for ever has a place for each second of the
   window. */
START_TEST(the_window_bounds_the_table)
{
  for (uint32_t now = 1; now < SECONDS; now++)
    add(1, now, now, 1, 1);
  ck_assert_uint_le(births.current->capacity, 4096);
  ck_assert_uint_eq(births.steps, 0);
  check_at(SECONDS - 1);
}
END_TEST

/* The blocks of second BIRTH die. Returns how many callsites had some. */
static unsigned
die(uint32_t birth, uint32_t now)
{
  unsigned filled = 0;
  for (uint32_t site = 0; site < CALLSITES; site++)
  {
    struct dm_row row = born[site][birth];
    filled += row.count != 0;
    add(site, birth, now, -row.count, -row.bytes);
  }
  return filled;
}

/* A load that comes in waves, each of another height, takes no more memory than
   the highest of them: what was made for one serves the others. */
START_TEST(waves_take_no_more_than_the_highest)
{
  enum
  {
    WAVE = 60,
    CALM = 20, /* of these: blocks live for a second */
    ARENA = 1 << 20
  };
  size_t before = dm_sys_mapped_bytes();
  uint64_t filled = 0, most = 0;
  uint32_t oldest = 1;
  for (uint32_t now = 1; now < SECONDS; now++)
  {
    uint32_t sites = 1 + now / WAVE * 17 % CALLSITES;
    if (now % WAVE < CALM)
    {
      while (oldest < now)
        filled -= die(oldest++, now);
      sites = CALLSITES;
    }
    for (uint32_t site = 0; site < sites; site++)
      add(site, now, now, 1, 10);
    filled += sites;
    most = most > filled ? most : filled;
    if (now % WAVE == 0)
      check_at(now);
  }
  ck_assert_uint_lt(most, 2500);
  /* The arena maps more than it hands out. */
  ck_assert_uint_le(dm_sys_mapped_bytes() - before, 384 * most + ARENA);
}
END_TEST

struct steps
{
  uint32_t now;
  uint64_t young, all, widest;
};

static void
see_steps(void *arg, uint32_t callsite, uint32_t birth, struct dm_row live)
{
  struct steps *steps = arg;
  (void) callsite;
  steps->all += live.count;
  steps->young += birth != DM_BIRTH_OLDER && steps->now - birth < 100
                      ? live.count
                      : 0;
  if (live.count > steps->widest)
    steps->widest = live.count;
}

/* 300 callsites with a block each second fill more than can be told by the
   second: old ages are told in steps, and no block is lost. */
START_TEST(too_many_are_told_in_steps)
{
  for (uint32_t now = 1; now <= 1200; now++)
    for (uint32_t site = 0; site < 300; site++)
      dm_births_add(&births, site, now, now, 1, 1);
  ck_assert_uint_gt(births.steps, 0);
  ck_assert_uint_le(births.current->used, 3 * DM_BIRTHS_FINE);
  struct steps steps = {.now = 1200};
  dm_births_visit(&births, see_steps, &steps);
  ck_assert_uint_eq(steps.all, 300 * 1200);
  ck_assert_uint_ge(steps.young, 300 * 90);
  ck_assert_uint_ge(steps.widest, 10);
  /* Their frees find them. */
  for (uint32_t birth = 1; birth <= 1200; birth++)
    for (uint32_t site = 0; site < 300; site++)
      dm_births_add(&births, site, birth, 2300, -UINT64_C(1), -UINT64_C(1));
  steps = (struct steps){.now = 2300};
  dm_births_visit(&births, see_steps, &steps);
  ck_assert_uint_eq(steps.all, 0);
}
END_TEST

START_TEST(one_place_is_looked_up)
{
  add(3, 10, 10, 2, 20);
  struct dm_row row = dm_births_look(&births, 3, 10);
  ck_assert_uint_eq(row.count, 2);
  ck_assert_uint_eq(row.bytes, 20);
  ck_assert_uint_eq(dm_births_look(&births, 3, 11).count, 0);
  ck_assert_uint_eq(dm_births_look(&births, 4, 10).count, 0);
}
END_TEST

START_TEST(without_memory_it_fills_and_then_spills)
{
  dm_sys_fail_after(1, true);
  /* The arena has a block still. */
  for (uint32_t site = 0; births.spill.count == 0 && site < 1000000; site++)
    dm_births_add(&births, site % 1000000, 5, 5, 1, 8);
  ck_assert_uint_gt(births.spill.count, 0);
  struct steps before = {.now = 5};
  dm_births_visit(&births, see_steps, &before);
  dm_sys_fail_after(0, false);
  for (uint32_t i = 0; i < 1000; i++)
    dm_births_add(&births, 7, 6 + i, 6 + i, 1, 8);
  struct steps after = {.now = 5};
  dm_births_visit(&births, see_steps, &after);
  ck_assert_uint_eq(after.all, before.all + 1000);
}
END_TEST

/* --------------------------------------------------------------------------
   Signal handlers that count in the middle of a move. */

/* A table so full that the next callsite is one too many. */
static void
fill(void)
{
  setup();
  for (uint32_t i = 0; births.current->used < births.current->limit; i++)
    add(i % 40, 2 + i / 40, 6, 1 + i % 3, 100);
}

static void
count_one_more(void)
{
  add(41, 6, 6, 1, 10);
}

static void
count_in_handler(void)
{
  add(42, 6, 6, 1, 1000);
  add(0, 2, 6, 1, 500);
  add(41, 6, 6, 2, 20);
}

START_TEST(a_handler_counts_while_counts_move)
{
  unsigned at = 1;
  bool fell;
  do
  {
    fill();
    fell = interrupt_at(count_one_more, count_in_handler, at);
    check_at(6);
    ck_assert_uint_eq(dm_births_sequence(&births) % 2, 0);
    /* And the next move moves all of it. */
    for (uint32_t second = 7; second < 60; second++)
      add(43, second, second, 1, 1);
    check_at(60);
    at += 509;
  } while (fell);
  ck_assert_uint_gt(at, least_steps(3000));
}
END_TEST

static sigjmp_buf out;

static void
jump_out(void)
{
  siglongjmp(out, 1);
}

/* A jump out of a handler leaves a move half done. Only what was in hand may be
   missing: one place's count, or its bytes. */
START_TEST(a_jump_out_of_a_move_loses_one_place_at_most)
{
  for (volatile unsigned at = 1; at < 40000; at += 1499)
  {
    fill();
    if (sigsetjmp(out, 1) == 0 &&
        !interrupt_at(count_one_more, jump_out, at))
      break;
    /* Two seconds later it is known for what it is, and finished. */
    for (uint32_t second = 9; second < 300; second++)
      add(43, second, second, 1, 1);
    ck_assert_uint_eq(dm_births_sequence(&births) % 2, 0);
    struct steps steps = {.now = 300};
    dm_births_visit(&births, see_steps, &steps);
    uint64_t expected = 0;
    for (uint32_t site = 0; site < CALLSITES; site++)
      for (uint32_t birth = 1; birth < 300; birth++)
        expected += born[site][birth].count;
    ck_assert_uint_le(steps.all, expected + 1);
    ck_assert_uint_ge(steps.all + 3, expected);
  }
}
END_TEST

static void
replace_the_table(void)
{
  for (uint32_t i = 0; i < 120; i++)
    add(i % 40, 2 + i / 40, 6, 1, 100);
}

/* Wherever in an addition the table is replaced: what is added to the former
   one after all has been moved out of it is seen as well, and moved next time.
 */
START_TEST(an_addition_is_seen_whatever_interrupts_it)
{
  unsigned at = 1;
  bool fell;
  do
  {
    setup();
    fell = interrupt_at(count_one_more, replace_the_table, at);
    check_at(6);
    ck_assert_uint_eq(dm_births_look(&births, 41, 6).count, 1);
    for (uint32_t second = 7; second < 200; second++)
      add(43, second, second, 1, 1);
    check_at(200);
    at++;
  } while (fell);
  ck_assert_uint_gt(at, least_steps(50));
}
END_TEST

static const struct dm_birth_table *full;
static bool replaced;
static uint64_t seen;

static void
look_on(void)
{
  replaced = births.current != full;
  struct steps steps = {.now = 6};
  dm_births_visit(&births, see_steps, &steps);
  seen = steps.all;
}

/* Whether after AT instructions of an addition there is another table. */
static bool
is_replaced(unsigned at)
{
  fill();
  full = births.current;
  return !interrupt_at(count_one_more, look_on, at) || replaced;
}

/* The first instruction of which that is true. */
static unsigned
find_replacement(void)
{
  unsigned last = 1, step = 1;
  for (; !is_replaced(last); step *= 2)
    last += step;
  for (; step > 0; step /= 2)
    if (last > step && is_replaced(last - step))
      last -= step;
  return last;
}

static void
jump_out_at(unsigned at)
{
  if (sigsetjmp(out, 1) == 0)
    interrupt_at(count_one_more, jump_out, at);
}

/* A reader in a signal handler, or in a child that it forks, finds each block
   once. If the handler never comes back, the next move does, too. */
START_TEST(each_block_is_told_once_while_the_table_is_replaced)
{
  unsigned replacement = find_replacement();
  ck_assert_uint_gt(replacement, least_steps(1000));
  for (unsigned at = replacement; at + 20 > replacement && at; at--)
  {
    fill();
    uint64_t expected = 0;
    for (uint32_t site = 0; site < CALLSITES; site++)
      for (uint32_t birth = 1; birth < 6; birth++)
        expected += born[site][birth].count;
    seen = expected;
    interrupt_at(count_one_more, look_on, at);
    ck_assert_uint_eq(seen, expected);

    fill();
    jump_out_at(at);
    die(2, 9);
    die(3, 9);
    for (uint32_t second = 9; second < 300; second++)
      add(43, second, second, 1, 1);
    check_at(300);
  }
}
END_TEST

/* --------------------------------------------------------------------------
   A reader while another thread writes. */

static _Atomic bool done;

static void *
write_often(void *unused)
{
  for (uint32_t now = 10; !atomic_load(&done); now++)
  {
    /* A place each second, gone again after it: the table moves often. */
    dm_births_add(&births, 9, now, now, 1, 64);
    dm_births_add(&births, 9, now, now, -UINT64_C(1), -UINT64_C(64));
  }
  return unused;
}

START_TEST(sums_are_never_torn)
{
  for (uint32_t birth = 1; birth <= 10; birth++)
    dm_births_add(&births, 1, birth, birth, 1000, 64000);
  pthread_t writer;
  ck_assert_int_eq(pthread_create(&writer, NULL, write_often, NULL), 0);
  unsigned clean = 0, torn = 0;
  for (unsigned i = 0; i < 1000000 && (clean < 3000 || torn < 10); i++)
  {
    uint32_t before = dm_births_sequence(&births);
    struct steps steps = {.now = 20};
    dm_births_visit(&births, see_steps, &steps);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (before % 2 != 0 || before != dm_births_sequence(&births))
    {
      torn++;
      continue;
    }
    /* The block that comes and goes may be seen at either end of its life, and
       again in a later second. */
    ck_assert_int_ge((int64_t) steps.all, 10000 - 64);
    ck_assert_int_le((int64_t) steps.all, 10000 + 64);
    clean++;
  }
  atomic_store(&done, true);
  pthread_join(writer, NULL);
  ck_assert_uint_gt(clean, 100);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {
      blocks_grow_old_over_2500_seconds,
      random_births_and_deaths_over_2500_seconds,
      frees_leave_nothing_behind,
      places_are_used_again,
      the_window_bounds_the_table,
      waves_take_no_more_than_the_highest,
      too_many_are_told_in_steps,
      one_place_is_looked_up,
      without_memory_it_fills_and_then_spills,
      a_handler_counts_while_counts_move,
      a_jump_out_of_a_move_loses_one_place_at_most,
      an_addition_is_seen_whatever_interrupts_it,
      each_block_is_told_once_while_the_table_is_replaced,
      sums_are_never_torn,
      NULL};
  return run_suite(make_suite("births", setup, tests));
}
