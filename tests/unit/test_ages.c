/* test_ages.c -- live blocks by age, over thousands of simulated seconds. */

#include "books/ages.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "runner.h"
#include "single_step.h"

static struct dm_ages ages;

/* What the ring should say: the same figures kept in the plain way. */
enum
{
  SECONDS = 20000
};
static struct dm_row born[SECONDS];

static void
setup(void)
{
  memset(&ages, 0, sizeof ages);
  memset(born, 0, sizeof born);
  ages.ring[0].head = 1;
}

static void
add(uint32_t birth, uint64_t count, uint64_t bytes)
{
  dm_row_add(dm_ages_row(&ages, birth), count, bytes);
  if (birth < SECONDS)
    dm_row_add(&born[birth], count, bytes);
}

static void
sum_at(uint32_t now, struct dm_row rows[DM_AGE_ROWS])
{
  memset(rows, 0, DM_AGE_ROWS * sizeof *rows);
  ck_assert(dm_ages_sum(&ages, now, rows));
}

/* Checks every row of a dump in slice NOW against the plain books. */
static void
check_at(uint32_t now)
{
  struct dm_row expected[DM_AGE_ROWS] = {{0, 0}}, rows[DM_AGE_ROWS];
  for (uint32_t birth = 1; birth < SECONDS && birth <= now + 2; birth++)
  {
    uint32_t age = birth > now ? 0 : now - birth;
    unsigned row = age < 1     ? 0
                   : age < 10  ? 1
                   : age < 100 ? 2
                               : 3 + (age >= 1000);
    expected[row].count += born[birth].count;
    expected[row].bytes += born[birth].bytes;
  }
  sum_at(now, rows);
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    ck_assert_msg(rows[i].count == expected[i].count &&
                      rows[i].bytes == expected[i].bytes,
                  "second %u, row %u: %ld blocks, %ld bytes; expected %ld, %ld",
                  now, i, (long) rows[i].count, (long) rows[i].bytes,
                  (long) expected[i].count, (long) expected[i].bytes);
}

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

/* Blocks of another number and size each second. */
START_TEST(blocks_grow_old_over_2500_seconds)
{
  for (uint32_t now = 1; now <= 2500; now++)
  {
    add(now, now % 7, 1000 + now);
    check_at(now);
  }
  /* Nobody allocates any more: the head stands still, the ages go on. */
  for (uint32_t now = 2500; now <= 4000; now += 50)
    check_at(now);
  struct dm_row rows[DM_AGE_ROWS];
  sum_at(9999, rows);
  for (unsigned i = 0; i < DM_AGE_ROWS - 1; i++)
    ck_assert_uint_eq(rows[i].count, 0);
}
END_TEST

START_TEST(random_births_and_deaths_over_2500_seconds)
{
  unsigned long state = 1;
  for (uint32_t now = 1; now <= 2500; now++)
  {
    for (unsigned i = 0; i < 20; i++)
    {
      unsigned long random = next_random(&state);
      uint32_t birth = now - (uint32_t) (random % 3 ? random / 8 % now : 0);
      uint64_t bytes = random >> 40;
      if (random % 5 < 3)
        add(birth, 1, bytes);
      else
        add(birth, -UINT64_C(1), -bytes);
    }
    if (now % 10 == 0)
      check_at(now);
  }
}
END_TEST

/* A free finds the row that its allocation went to, however old the block. */
START_TEST(frees_leave_nothing_behind)
{
  static const uint32_t lives[] = {0,    1,    9,    10,   99,   100, 999,
                                   1000, 1001, 1023, 1024, 1025, 5000};
  for (unsigned i = 0; i < sizeof lives / sizeof *lives; i++)
  {
    setup();
    add(7, 3, 300);
    (void) dm_ages_row(&ages, 7 + lives[i]);
    check_at(7 + lives[i]);
    add(7, -UINT64_C(3), -UINT64_C(300));
    struct dm_row rows[DM_AGE_ROWS];
    sum_at(7 + lives[i], rows);
    for (unsigned row = 0; row < DM_AGE_ROWS; row++)
      ck_assert_msg(rows[row].count == 0 && rows[row].bytes == 0,
                    "row %u after %u seconds", row, lives[i]);
    ck_assert_uint_eq(ages.ring[0].older.count, 0);
  }
}
END_TEST

/* From a ring with a block in every slice. */
START_TEST(advances_of_any_length)
{
  static const uint32_t lengths[] = {1,    2,    24,   25,   999,  1000, 1001,
                                     1023, 1024, 1025, 2048, 5000, 15000};
  for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
  {
    setup();
    for (uint32_t birth = 1; birth <= 1500; birth++)
      add(birth, 1, birth);
    uint32_t now = 1500 + lengths[i];
    (void) dm_ages_row(&ages, now);
    ck_assert_uint_eq(ages.ring[0].head, now);
    ck_assert_uint_eq(ages.ring[0].sequence % 2, 0);
    check_at(now);
    add(now, 1, 1);
    check_at(now);
    check_at(now + 1);
  }
}
END_TEST

START_TEST(slices_that_retire_are_in_the_older_rest)
{
  add(5, 2, 20);
  (void) dm_ages_row(&ages, 5 + DM_AGE_SLICES - 1);
  ck_assert_uint_eq(ages.ring[0].older.count, 0);
  (void) dm_ages_row(&ages, 5 + DM_AGE_SLICES);
  ck_assert_uint_eq(ages.ring[0].older.count, 2);
  ck_assert_uint_eq(ages.ring[0].older.bytes, 20);
  ck_assert_uint_eq(ages.ring[0].slice[5].count, 0);
  ck_assert_ptr_eq(dm_ages_row(&ages, 5), &ages.ring[0].older);
  ck_assert_ptr_eq(dm_ages_row(&ages, 6), &ages.ring[0].slice[6]);
}
END_TEST

START_TEST(a_birth_ahead_of_the_head_moves_it)
{
  add(1, 1, 10);
  add(2000, 1, 20);
  ck_assert_uint_eq(ages.ring[0].head, 2000);
  check_at(2000);
  /* The head never goes back. */
  add(1500, 1, 30);
  (void) dm_ages_row(&ages, 1999);
  (void) dm_ages_row(&ages, 2000);
  ck_assert_uint_eq(ages.ring[0].head, 2000);
  check_at(2000);
  /* A dump that read its clock before: what is younger counts as just born. */
  check_at(1999);
}
END_TEST

/* The slices are 32 bits wide; nothing happens when they wrap around. */
START_TEST(the_slice_number_may_wrap)
{
  uint32_t start = UINT32_MAX - 500;
  ages.ring[0].head = start;
  for (uint32_t i = 0; i < 1500; i++)
    dm_row_add(dm_ages_row(&ages, start + i), 1, i);
  struct dm_row rows[DM_AGE_ROWS];
  sum_at(start + 1499, rows);
  static const uint64_t wanted[DM_AGE_ROWS] = {1, 9, 90, 900, 500};
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    ck_assert_uint_eq(rows[i].count, wanted[i]);
}
END_TEST

/* Allocated in one thread's ring, freed in another's whose head is elsewhere:
   each row of the sum is right. */
START_TEST(two_rings_with_different_heads)
{
  static struct dm_ages other;
  for (uint32_t behind = 0; behind <= 1100; behind += 50)
  {
    setup();
    memset(&other, 0, sizeof other);
    (void) dm_ages_row(&other, 3000 - behind);
    (void) dm_ages_row(&ages, 3000);
    for (uint32_t birth = 1700; birth <= 3000 - behind; birth++)
    {
      dm_row_add(dm_ages_row(&ages, birth), 1, 8);
      dm_row_add(dm_ages_row(&other, birth), -UINT64_C(1), -UINT64_C(8));
    }
    struct dm_row rows[DM_AGE_ROWS] = {{0, 0}};
    ck_assert(dm_ages_sum(&ages, 3000, rows));
    ck_assert(dm_ages_sum(&other, 3000, rows));
    for (unsigned i = 0; i < DM_AGE_ROWS; i++)
      ck_assert_msg(rows[i].count == 0 && rows[i].bytes == 0,
                    "row %u, %u seconds behind", i, behind);
  }
}
END_TEST

START_TEST(a_move_that_never_ends_is_told)
{
  add(1, 4, 40);
  ages.ring[0].sequence++;
  struct dm_row rows[DM_AGE_ROWS] = {{0, 0}};
  ck_assert(!dm_ages_sum(&ages, 5, rows));
  ck_assert_uint_eq(rows[1].count, 4); /* once, not once an attempt */
  ck_assert_uint_eq(rows[1].bytes, 40);
}
END_TEST

/* --------------------------------------------------------------------------
   Signal handlers that allocate in the middle of an advance. */

static uint32_t target;

static void
advance_to_target(void)
{
  (void) dm_ages_row(&ages, target);
}

static void
allocate_now(void)
{
  add(target, 1, 1000);
}

static void
allocate_a_second_later(void)
{
  add(target + 1, 1, 1000);
}

/* Ten blocks a second until second 30, then the head moves on by LENGTH while
   HANDLER falls after each STRIDE-th instruction in turn. Every row must be
   right, then and a second later. */
static void
interrupt_advance(uint32_t length, void (*handler)(void), unsigned stride)
{
  unsigned at = 1;
  bool fell;
  do
  {
    setup();
    for (uint32_t birth = 1; birth <= 30; birth++)
      add(birth, 10, 100);
    target = 30 + length;
    fell = interrupt_at(advance_to_target, handler, at);
    check_at(target + 1);
    /* The next second moves the head as ever. */
    add(target + 2, 1, 1);
    check_at(target + 2);
    at += stride;
  } while (fell);
  ck_assert_uint_gt(at, least_steps(4 * stride));
}

START_TEST(a_handler_allocates_in_a_short_advance)
{
  interrupt_advance(1, allocate_now, 1);
  interrupt_advance(20, allocate_now, 3);
}
END_TEST

START_TEST(a_handler_allocates_when_the_second_turns)
{
  interrupt_advance(1, allocate_a_second_later, 1);
  interrupt_advance(20, allocate_a_second_later, 3);
}
END_TEST

/* After 24 seconds without an allocation the new slice takes the place of one
   that is just retiring. */
START_TEST(a_handler_allocates_where_a_slice_retires)
{
  interrupt_advance(25, allocate_now, 1);
}
END_TEST

START_TEST(a_handler_allocates_in_a_long_advance)
{
  interrupt_advance(1020, allocate_now, 1511);
  interrupt_advance(1100, allocate_a_second_later, 1709);
}
END_TEST

/* --------------------------------------------------------------------------
   A reader while another thread writes. */

static _Atomic bool done;

/* Moves the head across blocks that are retiring; in each second a block is
   born and freed, over and over, in this slice and in three before it. */
static void *
advance_often(void *unused)
{
  for (uint32_t now = 1000; !atomic_load(&done); now++)
  {
    (void) dm_ages_row(&ages, now);
    for (uint32_t i = 0; i < 2000; i++)
    {
      struct dm_row *row = dm_ages_row(&ages, now - i % 4);
      dm_row_add(row, 1, 64);
      dm_row_add(row, -UINT64_C(1), -UINT64_C(64));
    }
  }
  return unused;
}

START_TEST(sums_are_never_torn)
{
  for (uint32_t birth = 1; birth <= 1000; birth++)
    dm_row_add(dm_ages_row(&ages, birth), 100, 6400);
  pthread_t writer;
  ck_assert_int_eq(pthread_create(&writer, NULL, advance_often, NULL), 0);
  unsigned clean = 0;
  uint32_t first = 0, last = 0;
  for (unsigned i = 0; i < 100000 && (clean < 3000 || last - first < 2000); i++)
  {
    struct dm_row rows[DM_AGE_ROWS] = {{0, 0}};
    last = __atomic_load_n(&ages.ring[0].head, __ATOMIC_RELAXED);
    first = first ? first : last;
    if (!dm_ages_sum(&ages, last, rows))
      continue;
    int64_t count = 0;
    for (unsigned j = 0; j < DM_AGE_ROWS; j++)
      count += (int64_t) rows[j].count;
    /* The block that comes and goes may be seen in each of its slices. */
    ck_assert_msg(count >= 100000 && count <= 100000 + 4, "%ld blocks",
                  (long) count);
    clean++;
  }
  atomic_store(&done, true);
  pthread_join(writer, NULL);
  ck_assert_uint_gt(clean, 100);
  ck_assert_uint_gt(last - first, 100);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {row_of_each_age,
                                blocks_grow_old_over_2500_seconds,
                                random_births_and_deaths_over_2500_seconds,
                                frees_leave_nothing_behind,
                                advances_of_any_length,
                                slices_that_retire_are_in_the_older_rest,
                                a_birth_ahead_of_the_head_moves_it,
                                the_slice_number_may_wrap,
                                two_rings_with_different_heads,
                                a_move_that_never_ends_is_told,
                                a_handler_allocates_in_a_short_advance,
                                a_handler_allocates_when_the_second_turns,
                                a_handler_allocates_where_a_slice_retires,
                                a_handler_allocates_in_a_long_advance,
                                sums_are_never_torn,
                                NULL};
  return run_suite(make_suite("ages", setup, tests));
}
