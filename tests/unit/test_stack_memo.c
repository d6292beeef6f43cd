/* test_stack_memo.c -- the hash that proves a hit. */

#include "hook/stack_memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/sys.h"
#include "runner.h"

enum
{
  WORDS = 70000
};
static uintptr_t stack[WORDS];
static struct dm_shape shape;
static struct dm_memo memo;

static void
setup(void)
{
  unsigned long state = 1;
  for (unsigned i = 0; i < WORDS; i++)
    stack[i] = next_random(&state);
  memset(&shape, 0, sizeof shape);
  shape.seed = next_random(&state);
}

static uint64_t
next_hash(unsigned long *state)
{
  return dm_memo_hash_of(next_random(state));
}

/* COUNT slots, each SPACING words above the one before. */
static void
make_shape(uint16_t count, uint16_t spacing)
{
  shape.count = count;
  for (uint16_t i = 0; i < count; i++)
    shape.slot[i] = (uint16_t) (i * spacing);
}

static uint64_t
hash_at(unsigned word)
{
  struct dm_caller caller = {&stack[word]};
  return dm_memo_hash(&shape, caller);
}

/* But the highest, which no address in a program has; here and below. */
START_TEST(every_bit_of_every_slot_counts)
{
  make_shape(DM_MEMO_SLOTS, 7);
  uint64_t hash = hash_at(0);
  for (unsigned i = 0; i < DM_MEMO_SLOTS; i++)
    for (unsigned bit = 0; bit < 47; bit++)
    {
      stack[i * 7] ^= UINT64_C(1) << bit;
      ck_assert_msg(hash_at(0) != hash, "slot %u, bit %u", i, bit);
      stack[i * 7] ^= UINT64_C(1) << bit;
    }
  ck_assert_uint_eq(hash_at(0), hash);
}
END_TEST

START_TEST(slots_that_change_places_show)
{
  make_shape(DM_MEMO_SLOTS, 1);
  uint64_t hash = hash_at(0);
  for (unsigned i = 0; i < DM_MEMO_SLOTS; i++)
    for (unsigned j = 0; j < i; j++)
    {
      uintptr_t kept = stack[i];
      stack[i] = stack[j];
      stack[j] = kept;
      ck_assert_msg(hash_at(0) != hash, "%u and %u", i, j);
      stack[j] = stack[i];
      stack[i] = kept;
    }
}
END_TEST

START_TEST(other_words_do_not_count)
{
  make_shape(8, 3);
  uint64_t hash = hash_at(100);
  for (unsigned i = 0; i < 200; i++)
    if (i < 100 || (i - 100) % 3 != 0 || (i - 100) / 3 >= 8)
      stack[i]++;
  ck_assert_uint_eq(hash_at(100), hash);
}
END_TEST

START_TEST(the_farthest_slot)
{
  make_shape(8, 1);
  shape.slot[7] = UINT16_MAX;
  uint64_t hash = hash_at(0);
  stack[UINT16_MAX]++;
  ck_assert_uint_ne(hash_at(0), hash);
}
END_TEST

START_TEST(the_seed_counts)
{
  make_shape(8, 1);
  uint64_t hash = hash_at(0);
  shape.seed++;
  ck_assert_uint_ne(hash_at(0), hash);
}
END_TEST

static int
by_value(const void *a, const void *b)
{
  uint64_t left = *(const uint64_t *) a, right = *(const uint64_t *) b;
  return left < right ? -1 : left > right;
}

/* A small program has small addresses, close to each other: what differs in a
   word or two is small, and so is what it is multiplied by. Still no more hashes
   agree in any 28 of their bits than random ones would. */
START_TEST(close_addresses_have_distant_hashes)
{
  enum
  {
    STACKS = 4096,
    SHAPES = 64,
    BITS = 28
  };
  static uint64_t hashes[STACKS];
  unsigned long state = 1;
  for (unsigned first = 0; first <= 16; first += 8)
  {
    unsigned same = 0;
    for (unsigned i = 0; i < SHAPES; i++)
    {
      make_shape(8 + i % 2 * 8, 1);
      shape.seed = next_random(&state) | 1;
      for (unsigned j = 0; j < STACKS; j++)
      {
        for (unsigned k = 0; k < shape.count; k++)
          stack[k] = 0x400000 + next_random(&state) % 3 * 256 +
                     next_random(&state) % 5;
        hashes[j] = hash_at(0) << first >> (64 - BITS);
      }
      qsort(hashes, STACKS, sizeof *hashes, by_value);
      for (unsigned j = 1; j < STACKS; j++)
        same += hashes[j] == hashes[j - 1];
    }
    /* Of 64 times 8.4 million pairs some 2 agree. */
    ck_assert_msg(same <= 16, "%u from bit %u on", same, first);
  }
}
END_TEST

/* The same place with another return address, and the other way round; and
   what was kept by rules that are forgotten. */
START_TEST(keys_differ)
{
  dm_memo_use_pairs(&memo, DM_MEMO_PAIRS);
  unsigned same_place = 0;
  uint64_t keys[64];
  for (unsigned i = 0; i < 64; i++)
  {
    struct dm_caller caller = {&stack[i]};
    stack[i + 1] = 0x401000;
    keys[i] = dm_memo_key(caller, 0);
    ck_assert_uint_ne(dm_memo_key(caller, 1), keys[i]);
    stack[i + 1] = 0x401005;
    ck_assert_uint_ne(dm_memo_key(caller, 0), keys[i]);
    for (unsigned j = 0; j < i; j++)
    {
      ck_assert_uint_ne(keys[i], keys[j]);
      same_place +=
          dm_memo_shape(&memo, keys[i]) == dm_memo_shape(&memo, keys[j]);
    }
    const struct dm_shape *pair = dm_memo_shape(&memo, keys[i]);
    ck_assert_uint_eq((size_t) (pair - memo.shapes) % 2, 0);
    ck_assert_uint_eq((size_t) (pair - memo.shapes) / 2,
                      dm_memo_pair(&memo, pair));
    ck_assert_uint_lt(dm_memo_pair(&memo, pair), DM_MEMO_PAIRS);
  }
  /* 2,016 pairs in 512 places: some 4 meet by chance. */
  ck_assert_uint_le(same_place, 20);
}
END_TEST

START_TEST(factors_lose_little)
{
  ck_assert(dm_memo_is_factor(0x401005));
  ck_assert(dm_memo_is_factor(0x7f0000018000));
  ck_assert(!dm_memo_is_factor(0));
  ck_assert(!dm_memo_is_factor(0x7f0000020000));
}
END_TEST

/* Nothing but the very hash; and room for any callsite beside it. */
START_TEST(entries_tell_hashes)
{
  unsigned long state = 1;
  for (unsigned i = 0; i < 10000; i++)
  {
    uint64_t hash = next_hash(&state), other = next_hash(&state);
    uint32_t callsite = (uint32_t) next_random(&state) % DM_MEMO_HASH_UNIT;
    dm_memo_entry entry = hash | callsite;
    ck_assert(dm_memo_is(entry, hash));
    ck_assert_uint_eq(dm_memo_callsite(entry), callsite);
    ck_assert(!dm_memo_is(entry, other));
    ck_assert(!dm_memo_is(entry, hash ^ DM_MEMO_HASH_UNIT << i % 44));
    ck_assert(!dm_memo_is(0, hash));
  }
}
END_TEST

/* --------------------------------------------------------------------------
   The table. */

/* Looks for HASH as an allocation does. */
static dm_memo_entry
find(uint64_t hash)
{
  dm_memo_entry first = *dm_memo_line(memo.table, hash);
  return dm_memo_is(first, hash) ? first : dm_memo_find_other(&memo, hash);
}

static void
keep_stacks(unsigned count, uint64_t salt)
{
  unsigned long state = salt;
  for (unsigned i = 0; i < count; i++)
  {
    uint64_t hash = next_hash(&state);
    if (!find(hash))
      dm_memo_keep(&memo, hash, i, salt);
  }
}

/* How many of those it still leads to. */
static unsigned
count_known(unsigned count, uint64_t salt)
{
  unsigned long state = salt;
  unsigned known = 0;
  for (unsigned i = 0; i < count; i++)
  {
    uint64_t hash = next_hash(&state);
    dm_memo_entry entry = find(hash);
    if (!entry)
      continue;
    ck_assert_uint_eq(entry, hash | i);
    ck_assert(*dm_memo_line(memo.table, hash) == entry ||
              *dm_memo_second_line(memo.table, hash) == entry);
    ck_assert_uint_eq(dm_memo_find(&memo, hash), entry);
    known++;
  }
  return known;
}

/* As many pairs are looked at as are in use. */
START_TEST(pairs_in_use)
{
  ck_assert(dm_memo_init(&memo));
  ck_assert_uint_eq(dm_memo_pairs(&memo), DM_MEMO_PAIRS_FIRST);
  for (unsigned pairs = 1; pairs <= DM_MEMO_PAIRS; pairs *= 2)
  {
    static bool seen[DM_MEMO_PAIRS];
    memset(seen, 0, sizeof seen);
    dm_memo_use_pairs(&memo, pairs);
    ck_assert_uint_eq(dm_memo_pairs(&memo), pairs);
    unsigned long state = 1;
    for (unsigned i = 0; i < 20 * DM_MEMO_PAIRS; i++)
    {
      uint64_t key = next_random(&state);
      seen[dm_memo_pair(&memo, dm_memo_shape(&memo, key))] = true;
    }
    for (unsigned i = 0; i < DM_MEMO_PAIRS; i++)
      ck_assert_int_eq(seen[i], i < pairs);
  }
}
END_TEST

START_TEST(it_grows_with_the_stacks)
{
  ck_assert(dm_memo_init(&memo));
  ck_assert_uint_eq(memo.table->capacity, DM_MEMO_STACKS_FIRST);
  keep_stacks(100, 1);
  ck_assert_uint_eq(memo.table->capacity, DM_MEMO_STACKS_FIRST);
  ck_assert_uint_eq(count_known(100, 1), 100);
  keep_stacks(8000, 2);
  ck_assert_uint_eq(count_known(8000, 2), 8000);
  keep_stacks(1000000, 3);
  ck_assert_uint_eq(memo.table->capacity, 1 << DM_MEMO_STACKS_LOG2);
  ck_assert_uint_gt(count_known(1000000, 3), 1 << DM_MEMO_STACKS_LOG2 >> 1);
}
END_TEST

START_TEST(lines_are_full_only_when_nearly_all_are)
{
  enum
  {
    MOST = 1 << DM_MEMO_STACKS_LOG2
  };
  ck_assert(dm_memo_init(&memo));
  keep_stacks(MOST / 8 * 7, 1);
  ck_assert_uint_ge(count_known(MOST / 8 * 7, 1), MOST / 8 * 7 / 100 * 97);
}
END_TEST

/* The one that was not looked for longest goes. */
START_TEST(a_line_keeps_what_came_last)
{
  ck_assert(dm_memo_init(&memo));
  enum
  {
    HASHES = DM_MEMO_WAYS + 1
  };
  /* All have the same two lines. */
  for (uint32_t i = 1; i <= DM_MEMO_WAYS; i++)
    dm_memo_keep(&memo, i * DM_MEMO_HASH_UNIT, i, 1);
  for (uint32_t i = DM_MEMO_WAYS; i > 0; i--)
    ck_assert_uint_eq(find(i * DM_MEMO_HASH_UNIT), i * DM_MEMO_HASH_UNIT | i);
  dm_memo_keep(&memo, HASHES * DM_MEMO_HASH_UNIT, HASHES, 1);
  ck_assert_uint_eq(find(DM_MEMO_WAYS * DM_MEMO_HASH_UNIT), 0);
  for (uint32_t i = 1; i <= HASHES; i++)
    if (i != DM_MEMO_WAYS)
      ck_assert_uint_eq(find(i * DM_MEMO_HASH_UNIT), i * DM_MEMO_HASH_UNIT | i);
}
END_TEST

START_TEST(what_is_outdated_makes_room)
{
  ck_assert(dm_memo_init(&memo));
  for (uint64_t salt = 1; salt < 100; salt++)
  {
    keep_stacks(200, salt);
    ck_assert_uint_eq(count_known(200, salt), 200);
  }
  ck_assert_uint_eq(memo.table->capacity, DM_MEMO_STACKS_FIRST);
}
END_TEST

START_TEST(without_memory_it_stays_as_it_is)
{
  ck_assert(dm_memo_init(&memo));
  dm_sys_fail_after(1, true);
  while (dm_arena_alloc(64, 64))
    ;
  keep_stacks(8000, 1);
  ck_assert_uint_eq(memo.table->capacity, DM_MEMO_STACKS_FIRST);
  ck_assert_uint_gt(count_known(8000, 1), DM_MEMO_STACKS_FIRST / 2);
  dm_sys_fail_after(0, false);
  keep_stacks(8000, 2);
  ck_assert_uint_gt(memo.table->capacity, DM_MEMO_STACKS_FIRST);
  struct dm_memo none;
  dm_sys_fail_after(1, true);
  while (dm_arena_alloc(64, 64))
    ;
  ck_assert(!dm_memo_init(&none));
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {every_bit_of_every_slot_counts,
                                slots_that_change_places_show,
                                other_words_do_not_count,
                                the_farthest_slot,
                                the_seed_counts,
                                close_addresses_have_distant_hashes,
                                keys_differ,
                                factors_lose_little,
                                entries_tell_hashes,
                                pairs_in_use,
                                it_grows_with_the_stacks,
                                lines_are_full_only_when_nearly_all_are,
                                a_line_keeps_what_came_last,
                                what_is_outdated_makes_room,
                                without_memory_it_stays_as_it_is,
                                NULL};
  return run_suite(make_suite("stack_memo", setup, tests));
}
