/* test_record.c -- one allocation's way into the books, with the clock, the
   unwinder and the allocator replaced. */

#include "hook/record.h"

#include <string.h>

#include "base/sys.h"
#include "books/callsites.h"
#include "fake_clock.h"
#include "fake_unwind.h"
#include "runner.h"

enum
{
  CAP = 1000,
  USABLE_MAX = 20000
};

/* Stands for books/modules.c: a loader that is this array. */
static uintptr_t loader_code[16];
uintptr_t dm_loader_start, dm_loader_end;
static unsigned rechecks;

void
dm_modules_recheck(void (*gone)(unsigned number))
{
  rechecks++;
  gone(1);
}

/* The allocator: blocks that know their usable size in the word before. */
static char memory[1 << 22] __attribute__((aligned(64)));
static size_t memory_used;

static size_t
fake_usable_size(void *block)
{
  return ((size_t *) block)[-1];
}

/* A block of USABLE bytes, full of somebody's leftovers. */
static void *
fake_block(size_t usable)
{
  memory_used += 16;
  char *block = memory + memory_used;
  memory_used += (usable + 15) / 16 * 16;
  ck_assert_uint_le(memory_used, sizeof memory);
  ((size_t *) block)[-1] = usable;
  memset(block, 'l', usable);
  return block;
}

static uintptr_t return_address = 0x401234;
static const struct dm_caller caller = {.slot = &return_address};

static void
setup(void)
{
  fake_clock_set(1);
  dm_stamp_secret = UINT64_C(0x123456789abcdef1);
  dm_next.malloc_usable_size = fake_usable_size;
  dm_loader_start = (uintptr_t) loader_code;
  dm_loader_end = (uintptr_t) (loader_code + 16);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
  ck_assert(dm_thread_init((uintptr_t) &caller));
  fake_callsite = 7;
}

/* malloc(SIZE), with SLACK bytes more than were asked for. */
static void *
allocate(size_t size, size_t slack)
{
  void *block = fake_block(dm_stamped_size(size) + slack);
  return dm_record_alloc(block, size, caller);
}

/* What all ledgers come to. */
struct figures
{
  struct dm_cell cell;
  struct dm_mishaps mishaps;
  struct dm_row ages[DM_AGE_ROWS];
};

static struct figures
sum_all(void)
{
  struct figures sum;
  memset(&sum, 0, sizeof sum);
  for (const struct dm_ledger *l = dm_ledgers(); l; l = l->next)
  {
    for (uint32_t site = 0; site <= CAP; site++)
      for (unsigned i = 0; dm_ledger_cell(l, site) && i < 8; i++)
        ((uint64_t *) &sum.cell)[i] +=
            ((const uint64_t *) dm_ledger_cell(l, site))[i];
    for (unsigned i = 0; i < sizeof sum.mishaps / 8; i++)
      ((uint64_t *) &sum.mishaps)[i] += ((const uint64_t *) &l->mishaps)[i];
    ck_assert(dm_ages_sum(&l->ages, dm_clock_slice(), sum.ages));
  }
  return sum;
}

static void
check_live(uint64_t count, uint64_t bytes)
{
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.cell.allocations - sum.cell.frees, count);
  ck_assert_uint_eq(sum.cell.allocated_bytes + sum.cell.grown_bytes -
                        sum.cell.freed_bytes - sum.cell.shrunk_bytes,
                    bytes);
  uint64_t by_age = 0;
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    by_age += sum.ages[i].bytes;
  ck_assert_uint_eq(by_age, bytes);
}

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
    dm_record_free(block[i], caller);
    ck_assert_uint_eq(dm_record_room(block[i], usable), usable);
  }
  check_live(0, 0);
  ck_assert_uint_eq(sum_all().mishaps.foreign_frees, 0);
}
END_TEST

START_TEST(no_block_is_no_allocation)
{
  ck_assert_ptr_null(dm_record_alloc(NULL, 100, caller));
  dm_thread_current = NULL;
  ck_assert_ptr_null(dm_record_alloc(NULL, 100, caller));
  check_live(0, 0);
}
END_TEST

START_TEST(less_than_was_asked_for)
{
  void *block = fake_block(100);
  ck_assert_ptr_eq(dm_record_alloc(block, 100, caller), block);
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
    dm_record_free(block[i * 7 % (SECONDS + 1)], caller);
  }
  sum = sum_all();
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    ck_assert(sum.ages[i].count == 0 && sum.ages[i].bytes == 0);
  check_live(0, 0);
}
END_TEST

/* --------------------------------------------------------------------------
   realloc */

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
  const struct dm_cell *cell = dm_ledger_cell(dm_thread_self()->ledger, 7);
  ck_assert_uint_eq(cell->in_place, 1);
  ck_assert_uint_eq(cell->grown_bytes, 500);
  ck_assert_uint_eq(sum.cell.allocations, 1);
  ck_assert_uint_eq(sum.cell.frees, 0);
  ck_assert_uint_eq(sum.cell.moved, 0);
  /* It shrinks, and the usable size with it. */
  dm_record_realloc_begin(&under_way, block);
  ((size_t *) block)[-1] = 56;
  dm_record_realloc_end(&under_way, block, 40, caller);
  check_live(1, 40);
  dm_record_free(block, caller);
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
  ck_assert_uint_eq(sum.cell.frees, 1);
  ck_assert_uint_eq(sum.cell.moved, 1);
  ck_assert_uint_eq(sum.cell.in_place, 0);
  ck_assert_uint_eq(dm_ledger_cell(dm_thread_self()->ledger, 8)->moved, 1);
  /* The old one is nobody's now. */
  dm_record_free(block, caller);
  ck_assert_uint_eq(sum_all().mishaps.foreign_frees, 1);
  dm_record_free(other, caller);
  check_live(0, 0);
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
    dm_record_free(block, caller);
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
  ck_assert_uint_eq(sum_all().cell.frees, 1);
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
  dm_record_free(block, caller);
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

/* --------------------------------------------------------------------------
   What is not ours, or was. */

START_TEST(foreign_blocks)
{
  dm_record_free(fake_block(100), caller);
  dm_record_free(fake_block(8), caller);
  dm_record_free(fake_block(0), caller);
  void *block = allocate(10, 0);
  dm_record_free(block, caller);
  dm_record_free(block, caller); /* the program's mistake, not ours to catch */
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.mishaps.foreign_frees, 4);
  ck_assert_uint_eq(sum.mishaps.broken_stamps, 0);
  ck_assert_uint_eq(sum.cell.frees, 1);
  check_live(0, 0);
}
END_TEST

START_TEST(broken_stamps)
{
  char *block = allocate(100, 0), *other = allocate(50, 0);
  block[100] ^= 1; /* one byte too far */
  dm_record_free(block, caller);
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
  static const struct dm_caller loader = {.slot = &dm_loader_start};
  dm_record_free(allocate(10, 0), caller);
  ck_assert_uint_eq(rechecks, 0);
  dm_record_free(allocate(10, 0), loader);
  ck_assert_uint_eq(rechecks, 1);
  dm_record_free(fake_block(10), loader);
  ck_assert_uint_eq(rechecks, 2);
  check_live(0, 0);
}
END_TEST

/* --------------------------------------------------------------------------
   A thread for which there is no place. */

static void
lose_place(void)
{
  /* Another thread pointer's place is of no use to this one. */
  dm_thread_self()->pointer = 0;
  dm_thread_current = NULL;
  dm_sys_fail_after(1, true);
  while (dm_ledger_new())
    ;
}

START_TEST(without_a_place)
{
  void *early = allocate(1000, 0);
  lose_place();
  void *block = allocate(100, 0);
  ck_assert_ptr_null(dm_thread_current);
  check_live(2, 1100);
  const struct dm_cell *cell =
      dm_ledger_cell(dm_ledger_emergency, DM_CALLSITE_OTHER);
  ck_assert_uint_eq(cell->allocations, 1);
  dm_record_free(early, caller);
  dm_record_free(block, caller);
  check_live(0, 0);
  dm_record_free(fake_block(100), caller);
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
  dm_record_free(other, caller);
  check_live(0, 0);
}
END_TEST

/* --------------------------------------------------------------------------
   Random work, with what it should come to. */

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
        dm_record_alloc(block, size, caller);
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
        dm_record_free(block, caller);
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
  const TTest *const tests[] = {sizes_that_cannot_be_stay_so,
                                allocates_and_frees,
                                no_block_is_no_allocation,
                                less_than_was_asked_for,
                                ages_over_2000_seconds,
                                realloc_in_place,
                                realloc_that_moves,
                                realloc_that_fails,
                                realloc_to_nothing,
                                realloc_of_a_foreign_block,
                                realloc_in_place_without_room,
                                foreign_blocks,
                                broken_stamps,
                                the_loader_frees,
                                without_a_place,
                                realloc_without_a_place,
                                random_calls_over_3000_seconds,
                                NULL};
  return run_suite(make_suite("record", setup, tests));
}
