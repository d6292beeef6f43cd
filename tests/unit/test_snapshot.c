/* test_snapshot.c -- one moment's figures, exactly. */

#include "dump/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/barrier.h"
#include "books/callsites.h"
#include "dump/reclaim.h"
#include "fake_clock.h"
#include "runner.h"

enum
{
  CAP = 5000
};
static struct dm_snapshot snapshot;
static struct dm_ledger *one, *other;

static void
setup_for(unsigned cap)
{
  fake_clock_set(1);
  ck_assert_int_eq(dm_callsites_init(cap), 0);
  ck_assert_int_eq(dm_ledgers_init(cap), 0);
  one = dm_ledger_new();
  other = dm_ledger_new();
  ck_assert(one && other);
}

static void
setup(void)
{
  setup_for(CAP);
}

/* Makes callsites 1 to COUNT. */
static void
make_callsites(uint32_t count)
{
  for (dm_frame i = dm_callsites_used() + 1; i <= count; i++)
    ck_assert_uint_eq(dm_callsites_find(&i, 1, false), i);
}

static void
take(int top, enum dm_sort sort)
{
  memset(&snapshot, 0, sizeof snapshot);
  ck_assert(dm_snapshot_take(&snapshot, top, sort, 0));
}

static void
allocate(struct dm_ledger *ledger, uint32_t site, unsigned count, size_t size)
{
  for (unsigned i = 0; i < count; i++)
    dm_ledger_alloc(ledger, site, 1, size);
}

static void
release(struct dm_ledger *ledger, uint32_t site, unsigned count, size_t size)
{
  for (unsigned i = 0; i < count; i++)
    dm_ledger_free(ledger, site, 1, size);
}

START_TEST(nothing)
{
  take(10, DM_SORT_BYTES);
  ck_assert_uint_eq(snapshot.allocations, 0);
  ck_assert_int_eq(snapshot.live.count, 0);
  ck_assert_uint_eq(snapshot.listed, 0);
  ck_assert_uint_eq(snapshot.unfreed, 0);
  ck_assert_uint_eq(snapshot.ledgers, 3); /* and that for emergencies */
  ck_assert_uint_eq(snapshot.callsites_cap, CAP);
  ck_assert_uint_eq(snapshot.table_bytes, dm_sys_mapped_bytes());
  ck_assert_ptr_null(snapshot.degraded);
}
END_TEST

START_TEST(sums_over_ledgers)
{
  make_callsites(3);
  allocate(one, 1, 10, 100);
  allocate(other, 1, 5, 1000);
  release(other, 1, 7, 100); /* more than it has allocated of that size */
  allocate(dm_ledger_emergency, DM_CALLSITE_OTHER, 2, 8);
  dm_ledger_resize(other, 1, 1, 100, 160);
  dm_ledger_resize(one, 1, 1, 1000, 400);
  dm_ledger_moved(other, 1);
  dm_counter_add(&one->mishaps.foreign_frees, 3);
  dm_counter_add(&other->mishaps.foreign_frees, 4);
  dm_counter_add(&other->mishaps.broken_stamps, 1);
  dm_counter_add(&other->mishaps.differing, 9);
  take(10, DM_SORT_BYTES);

  ck_assert_uint_eq(snapshot.allocations, 17);
  ck_assert_uint_eq(snapshot.frees, 7);
  ck_assert_uint_eq(snapshot.allocated_bytes, 6016);
  ck_assert_int_eq(snapshot.live.count, 10);
  ck_assert_int_eq(snapshot.live.bytes, 6016 - 700 + 60 - 600);
  ck_assert_uint_eq(snapshot.in_place, 2);
  ck_assert_uint_eq(snapshot.moved, 1);
  ck_assert_uint_eq(snapshot.mishaps.foreign_frees, 7);
  ck_assert_uint_eq(snapshot.mishaps.broken_stamps, 1);
  ck_assert_uint_eq(snapshot.mishaps.differing, 9);
  ck_assert_int_eq(snapshot.other.count, 2);
  ck_assert_int_eq(snapshot.other.bytes, 16);
  ck_assert_uint_ge(snapshot.peak_bytes, 4776);

  ck_assert_uint_eq(snapshot.unfreed, 1);
  const struct dm_callsite_figures *site = &snapshot.top[0];
  ck_assert_uint_eq(site->number, 1);
  ck_assert_uint_eq(site->allocations, 15);
  ck_assert_uint_eq(site->allocated_bytes, 6000);
  ck_assert_uint_eq(site->frees, 7);
  ck_assert_int_eq(site->live.count, 8);
  ck_assert_int_eq(site->live.bytes, 4760);
  ck_assert_uint_eq(site->in_place, 2);
  ck_assert_uint_eq(site->moved, 1);
  ck_assert_uint_eq(site->grown_bytes, 60);

  struct dm_snapshot totals = {0};
  dm_snapshot_totals(&totals);
  ck_assert_uint_eq(totals.allocations, snapshot.allocations);
  ck_assert_uint_eq(totals.allocated_bytes, snapshot.allocated_bytes);
  ck_assert_int_eq(totals.live.bytes, snapshot.live.bytes);
  ck_assert_uint_eq(totals.mishaps.foreign_frees, 7);
}
END_TEST

static _Atomic bool enough;

/* The ledger that is read first allocates, that which is read last frees. */
static void *
come_and_go(void *unused)
{
  while (!enough)
  {
    dm_ledger_alloc(other, 1, 1, 100);
    dm_ledger_resize(other, 1, 1, 100, 3000);
    dm_ledger_resize(one, 1, 1, 3000, 10);
    dm_ledger_free(one, 1, 1, 10);
  }
  return unused;
}

/* What comes and goes while the ledgers are read shows as live or not at all,
   never as less than nothing. */
START_TEST(totals_are_never_below_zero)
{
  /* Much to read between its two cells. */
  make_callsites(CAP);
  for (uint32_t site = 2; site <= CAP; site++)
    allocate(other, site, 1, 0);
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, come_and_go, NULL), 0);
  bool below = false;
  for (unsigned i = 0; i < 1000 && !below; i++)
  {
    struct dm_snapshot totals = {0};
    dm_snapshot_totals(&totals);
    below = totals.live.count < CAP - 1 || totals.live.bytes < 0;
  }
  enough = true;
  pthread_join(thread, NULL);
  ck_assert(!below);
}
END_TEST

START_TEST(ages_and_sizes)
{
  make_callsites(1);
  for (uint32_t birth = 1; birth <= 2001; birth++)
  {
    fake_clock_set(birth);
    dm_ledger_alloc(birth % 2 ? one : other, 1, birth, birth % 2 ? 3 : 5000);
  }
  dm_ledger_free(one, 1, 2000, 5000); /* by the other thread */
  take(10, DM_SORT_BYTES);
  static const int64_t expected[DM_AGE_ROWS] = {1, 8, 90, 900, 1001};
  int64_t count = 0, bytes = 0;
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    ck_assert_int_eq(snapshot.ages[i].count, expected[i]);
    bytes += snapshot.ages[i].bytes;
  }
  ck_assert_int_eq(bytes, snapshot.live.bytes);
  ck_assert_int_eq(snapshot.sizes[0].count, 1001);
  ck_assert_int_eq(snapshot.sizes[0].bytes, 3003);
  ck_assert_int_eq(snapshot.sizes[DM_SIZE_ROWS - 1].count, 999);
  for (unsigned i = 0; i < DM_SIZE_ROWS; i++)
    count += snapshot.sizes[i].count;
  ck_assert_int_eq(count, 2000);
  ck_assert_int_eq(count, snapshot.live.count);
}
END_TEST

START_TEST(the_list_is_in_order)
{
  make_callsites(CAP);
  unsigned long state = 1;
  for (unsigned i = 0; i < 20000; i++)
    allocate(i % 2 ? one : other, 1 + next_random(&state) % CAP, 1,
             next_random(&state) % 1000);
  for (unsigned i = 0; i < 20; i++)
  {
    int top = i == 0 ? DM_TOP_ALL : (int) i * 7;
    enum dm_sort sort = i % 2 ? DM_SORT_COUNT : DM_SORT_BYTES;
    take(top, sort);
    ck_assert_uint_eq(snapshot.listed,
                      i == 0 ? snapshot.unfreed : (uint32_t) top);
    for (uint32_t j = 1; j < snapshot.listed; j++)
    {
      const struct dm_callsite_figures *a = &snapshot.top[j - 1];
      const struct dm_callsite_figures *b = &snapshot.top[j];
      int64_t first = sort == DM_SORT_COUNT ? a->live.count : a->live.bytes;
      int64_t second = sort == DM_SORT_COUNT ? b->live.count : b->live.bytes;
      int64_t larger = a->live.bytes - b->live.bytes;
      ck_assert(first > second ||
                (first == second &&
                 (larger > 0 || (larger == 0 && a->number < b->number))));
    }
    /* Nobody outside the list belongs into it. */
    const struct dm_callsite_figures *last = &snapshot.top[snapshot.listed - 1];
    for (uint32_t j = snapshot.listed; j < snapshot.unfreed; j++)
      ck_assert_int_le(sort == DM_SORT_COUNT ? snapshot.top[j].live.count
                                             : snapshot.top[j].live.bytes,
                       sort == DM_SORT_COUNT ? last->live.count
                                             : last->live.bytes);
  }
}
END_TEST

START_TEST(callsites_without_live_blocks_are_not_listed)
{
  make_callsites(100);
  for (uint32_t site = 1; site <= 100; site++)
  {
    allocate(one, site, 2, 10);
    release(other, site, site % 2 ? 2 : 1, 10);
  }
  take(DM_TOP_ALL, DM_SORT_BYTES);
  ck_assert_uint_eq(snapshot.unfreed, 50);
  ck_assert_uint_eq(snapshot.listed, 50);
  for (uint32_t i = 0; i < 50; i++)
    ck_assert_uint_eq(snapshot.top[i].number % 2, 0);
  ck_assert_uint_eq(snapshot.allocations, 200);
  take(0, DM_SORT_BYTES);
  ck_assert_uint_eq(snapshot.listed, 0);
  ck_assert_uint_eq(snapshot.unfreed, 50);
}
END_TEST

static const struct dm_callsite_figures *
listed(uint32_t number)
{
  for (uint32_t i = 0; i < snapshot.listed; i++)
    if (snapshot.top[i].number == number)
      return &snapshot.top[i];
  ck_abort_msg("callsite %u is not listed", number);
}

START_TEST(growth_since_the_dump_before)
{
  make_callsites(3);
  allocate(one, 1, 10, 1000);
  allocate(one, 2, 3, 1000);
  take(DM_TOP_ALL, DM_SORT_GROWTH);
  ck_assert_int_eq(listed(1)->growth, 10000);
  allocate(other, 2, 1, 1000);
  release(other, 1, 4, 1000);
  allocate(other, 3, 1, 5);
  take(DM_TOP_ALL, DM_SORT_GROWTH);
  ck_assert_int_eq(listed(1)->growth, -4000);
  ck_assert_int_eq(listed(2)->growth, 1000);
  ck_assert_int_eq(listed(3)->growth, 5);
  ck_assert_uint_eq(snapshot.top[0].number, 2);
  ck_assert_uint_eq(snapshot.top[2].number, 1);
  /* The room grows; what was known stays known. */
  make_callsites(4000);
  allocate(one, 4000, 1, 50);
  take(DM_TOP_ALL, DM_SORT_GROWTH);
  ck_assert_int_eq(listed(2)->growth, 0);
  ck_assert_int_eq(listed(4000)->growth, 50);
}
END_TEST

/* A look is no dump: what was gained since the dump before stays. */
START_TEST(a_look_between)
{
  make_callsites(1);
  allocate(one, 1, 10, 1000);
  dm_snapshot_look();
  take(DM_TOP_ALL, DM_SORT_GROWTH);
  allocate(one, 1, 2, 1000);
  dm_snapshot_look();
  take(DM_TOP_ALL, DM_SORT_GROWTH);
  ck_assert_int_eq(listed(1)->growth, 2000);
}
END_TEST

START_TEST(dumps_take_no_more_memory)
{
  make_callsites(2000);
  allocate(one, 2000, 1, 10);
  take(10, DM_SORT_BYTES);
  size_t mapped = dm_sys_mapped_bytes();
  for (unsigned i = 0; i < 100; i++)
    take(10, DM_SORT_BYTES);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), mapped);
}
END_TEST

static unsigned forgotten, times_forgotten[CAP + 1];

static void
forget(uint32_t number)
{
  dm_snapshot_forget(number);
  forgotten++;
  times_forgotten[number]++;
}

/* Callsites that hold nothing lose their numbers. Who gets one of these begins
   with nothing, and the totals know of both. */
START_TEST(successors_begin_with_nothing)
{
  ck_assert(dm_barrier_init());
  dm_snapshot_init();
  make_callsites(CAP * 3 / 4);
  for (uint32_t site = 1; site <= CAP * 3 / 4; site++)
  {
    allocate(one, site, 3, 100);
    release(other, site, site % 10 == 0 ? 2 : 3, 100);
  }
  take(10, DM_SORT_BYTES);
  struct dm_snapshot before = snapshot;
  /* What was looked up lately is kept for a round. */
  dm_reclaim(forget);
  ck_assert_uint_eq(forgotten, 0);
  fake_clock_set(2);
  make_callsites(CAP * 3 / 4 + CAP / 32 + 1);
  dm_reclaim(forget);
  ck_assert_uint_ge(forgotten, CAP / 4);
  take(10, DM_SORT_BYTES);
  ck_assert_uint_eq(snapshot.table.reclaimed, forgotten);
  ck_assert_uint_eq(snapshot.allocations, before.allocations);
  ck_assert_uint_eq(snapshot.frees, before.frees);
  ck_assert_int_eq(snapshot.live.bytes, before.live.bytes);
  ck_assert_uint_eq(snapshot.unfreed, CAP * 3 / 40);

  fake_clock_set(500);
  dm_frame fresh = 1000000;
  uint32_t number = dm_callsites_find(&fresh, 1, false);
  ck_assert_uint_le(number, CAP * 3 / 4);
  dm_ledger_alloc(other, number, 500, 123456);
  take(1, DM_SORT_BYTES);
  const struct dm_callsite_figures *site = &snapshot.top[0];
  ck_assert_uint_eq(site->number, number);
  ck_assert_uint_eq(site->allocations, 1);
  ck_assert_uint_eq(site->allocated_bytes, 123456);
  ck_assert_uint_eq(site->frees, 0);
  ck_assert_int_eq(site->live.count, 1);
  ck_assert_int_eq(site->growth, 123456);
  ck_assert_int_eq(site->ages[0].count, 1);
  for (unsigned i = 0; i < DM_AGE_ROWS - 1; i++)
    ck_assert_uint_eq(site->survived[i], 0);
  ck_assert_uint_eq(snapshot.allocations, before.allocations + 1);
}
END_TEST

/* All are in use, and have no live block now. */
static void
use(uint32_t count)
{
  for (dm_frame i = 1; i <= count; i++)
    allocate(one, dm_callsites_find(&i, 1, false), 3, 10);
  for (dm_frame i = 1; i <= count; i++)
    release(one, dm_callsites_find(&i, 1, false), 3, 10);
}

/* How many rounds there are in so many seconds from NOW on. */
static uint32_t
rounds(uint32_t now, unsigned seconds, uint32_t in_use)
{
  uint32_t before = dm_callsites_generation;
  for (unsigned i = 0; i < seconds * 10; i++)
  {
    fake_clock_set(now + i / 10);
    if (i % 10 == 0)
      use(in_use);
    dm_reclaim(forget);
  }
  return dm_callsites_generation - before;
}

/* Each costs all threads what they remember. */
START_TEST(rounds_come_for_a_reason)
{
  ck_assert(dm_barrier_init());
  dm_snapshot_init();
  const uint32_t some = CAP / 32 + 1, first = CAP * 3 / 4 + 1;
  ck_assert_uint_eq(rounds(10, 10, first - some), 0);
  /* None while nothing is taken, one for many numbers. */
  ck_assert_uint_eq(rounds(20, 100, first), 1);
  ck_assert_uint_eq(rounds(120, 100, first + some / 2), 0);
  ck_assert_uint_eq(rounds(220, 1, first + some), 1);
  /* At most one a second. */
  ck_assert_uint_eq(rounds(220, 1, first + 2 * some), 0);
  ck_assert_uint_eq(rounds(221, 1, first + 2 * some), 1);
  /* Without room, ever fewer as long as nothing is freed. */
  use(first + 4 * some);
  ck_assert(!dm_callsites_have_room());
  uint32_t few = rounds(222, 25, first + 4 * some);
  ck_assert_uint_ge(few, 4);
  ck_assert_uint_le(few, 6);
  ck_assert_uint_eq(dm_callsites_figures().reclaimed, 0);
}
END_TEST

/* Where nothing else can be freed for long, what is in use makes room, an eighth
   in turn. */
START_TEST(what_is_used_takes_turns)
{
  enum
  {
    ALL = CAP / 32 * 29,
    TURN = 32 /* seconds: pauses of 1, 2, 4, 8 and 16, and the turn */
  };
  ck_assert(dm_barrier_init());
  dm_snapshot_init();
  use(ALL);
  ck_assert(!dm_callsites_have_room());
  rounds(10, 20, ALL);
  ck_assert_uint_eq(forgotten, 0);
  for (unsigned turn = 0; turn < 8; turn++)
    rounds(30 + turn * TURN, TURN, ALL);
  for (uint32_t number = 1; number <= ALL; number++)
  {
    ck_assert_uint_ge(times_forgotten[number], 1);
    ck_assert_uint_le(times_forgotten[number], 2);
  }
}
END_TEST

/* The same where a thirty-second of the cap is less than one. */
START_TEST(turns_of_few)
{
  enum
  {
    FEW = 16,
    TURN = 32
  };
  setup_for(FEW);
  ck_assert(dm_barrier_init());
  dm_snapshot_init();
  use(FEW - 1);
  ck_assert(!dm_callsites_have_room());
  uint32_t few = rounds(10, 20, FEW - 1);
  ck_assert_uint_ge(few, 4);
  ck_assert_uint_le(few, 6);
  ck_assert_uint_eq(forgotten, 0);
  for (unsigned turn = 0; turn < 8; turn++)
    rounds(30 + turn * TURN, TURN, FEW - 1);
  for (uint32_t number = 1; number <= FEW - 1; number++)
    ck_assert_uint_ge(times_forgotten[number], 1);
}
END_TEST

/* Rows of callsites add up to those of the process; a free at any age is told
   among those that survived to it. */
START_TEST(ages_by_callsite)
{
  make_callsites(2);
  for (uint32_t now = 1; now <= 1500; now++)
  {
    fake_clock_set(now);
    dm_ledger_alloc(one, 1 + now % 2, now, 10);
    if (now > 50)
      dm_ledger_free(other, 1 + (now - 50) % 2, now - 50, 10);
    if (now > 700)
      dm_ledger_alloc(one, 2, now, 1);
  }
  take(10, DM_SORT_COUNT);
  ck_assert_uint_eq(snapshot.listed, 2);
  const struct dm_callsite_figures *two = &snapshot.top[0],
                                   *uno = &snapshot.top[1];
  ck_assert_uint_eq(two->number, 2);
  static const int64_t of_uno[] = {1, 4, 20, 0, 0};
  static const int64_t of_two[] = {1, 5 + 9, 20 + 90, 700, 0};
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    ck_assert_int_eq(uno->ages[i].count, of_uno[i]);
    ck_assert_int_eq(two->ages[i].count, of_two[i]);
    ck_assert_int_eq(snapshot.ages[i].count, of_uno[i] + of_two[i]);
    ck_assert_int_eq(snapshot.ages[i].bytes,
                     uno->ages[i].bytes + two->ages[i].bytes);
  }
  int64_t by_slot = 0;
  for (unsigned i = 0; i < DM_BIRTH_SLOTS; i++)
    by_slot += two->births[i];
  ck_assert_int_eq(by_slot, two->live.count);
  ck_assert_uint_eq(two->generations, 10 + 9 + 7);
  /* Blocks of 50 seconds pass 1 and 10. */
  ck_assert_uint_eq(uno->survived[0], 725 + 24);
  ck_assert_uint_eq(uno->survived[1], 725 + 20);
  ck_assert_uint_eq(uno->survived[2], 0);
  ck_assert_uint_eq(two->survived[2], 700);
}
END_TEST

/* There is no list then, and the rest is right. */
START_TEST(without_memory)
{
  make_callsites(100);
  allocate(one, 100, 7, 10);
  release(other, 100, 1, 10);
  size_t mapped = dm_sys_mapped_bytes();
  for (unsigned nth = 1; nth <= 2; nth++)
  {
    dm_sys_fail_after(nth, false);
    memset(&snapshot, 0, sizeof snapshot);
    ck_assert(!dm_snapshot_take(&snapshot, 10, DM_SORT_BYTES, 0));
    ck_assert_uint_eq(snapshot.listed, 0);
    ck_assert_ptr_nonnull(snapshot.degraded);
    ck_assert_uint_eq(snapshot.allocations, 7);
    ck_assert_uint_eq(snapshot.frees, 1);
    ck_assert_int_eq(snapshot.live.bytes, 60);
    ck_assert_int_eq(snapshot.ages[0].count, 6);
  }
  /* The one mapping that was had is given back. */
  ck_assert_uint_eq(dm_sys_mapped_bytes(), mapped);
  take(10, DM_SORT_BYTES);
  ck_assert_uint_eq(snapshot.listed, 1);
}
END_TEST

static void (*after_unmap)(void);

void __real_dm_sys_unmap(void *start, size_t size);
void __wrap_dm_sys_unmap(void *start, size_t size);

void
__wrap_dm_sys_unmap(void *start, size_t size)
{
  __real_dm_sys_unmap(start, size);
  if (after_unmap)
    after_unmap();
}

static unsigned forks;

/* A child that makes a dump now. */
static void
dump_in_a_child(void)
{
  int status;
  forks++;
  pid_t child = fork();
  if (child == 0)
  {
    after_unmap = NULL;
    memset(&snapshot, 0, sizeof snapshot);
    _exit(dm_snapshot_take(&snapshot, 300, DM_SORT_BYTES, 0) &&
                  snapshot.listed == 300 && snapshot.live.bytes == 3140 &&
                  snapshot.top[0].growth == 50
              ? 0
              : 1);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
}

/* The program may fork while the tables grow. */
START_TEST(forked_while_the_tables_grow)
{
  dm_snapshot_init();
  make_callsites(1);
  allocate(one, 1, 1, 100);
  take(10, DM_SORT_BYTES);
  make_callsites(300);
  for (uint32_t i = 1; i <= 300; i++)
    allocate(one, i, 1, i == 1 ? 50 : 10);
  after_unmap = dump_in_a_child;
  take(10, DM_SORT_BYTES);
  ck_assert_uint_eq(forks, 3);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {nothing,
                                sums_over_ledgers,
                                totals_are_never_below_zero,
                                ages_and_sizes,
                                the_list_is_in_order,
                                callsites_without_live_blocks_are_not_listed,
                                growth_since_the_dump_before,
                                a_look_between,
                                dumps_take_no_more_memory,
                                ages_by_callsite,
                                successors_begin_with_nothing,
                                rounds_come_for_a_reason,
                                what_is_used_takes_turns,
                                without_memory,
                                forked_while_the_tables_grow,
                                NULL};
  Suite *suite = make_suite("snapshot", setup, tests);
  TCase *small = tcase_create("a small cap");
  tcase_add_test(small, turns_of_few);
  suite_add_tcase(suite, small);
  return run_suite(suite);
}
