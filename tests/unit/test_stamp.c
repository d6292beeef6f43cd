/* test_stamp.c -- the 16 bytes in a block's tail: what is written is read
   again, and nothing else is believed. */

#include "hook/stamp.h"

#include <string.h>

#include "runner.h"

/* A block with room for any stamp, at an address like malloc's. */
static char memory[1 << 16] __attribute__((aligned(64)));

static const uint64_t secrets[] = {0, UINT64_C(0x8000000001000000),
                                   UINT64_C(0x0123456789000000),
                                   UINT64_C(0xfedcba9876000000),
                                   UINT64_C(0xffffffffff000000)};
enum
{
  SECRETS = sizeof secrets / sizeof *secrets,
  ROOM = 1 << 14
};

static void
setup(void)
{
  dm_stamp_secret = secrets[2];
}

static void
write_stamp(void *block, size_t usable, size_t size, uint32_t callsite,
            uint32_t birth)
{
  struct dm_block what = {.size = size, .callsite = callsite, .birth = birth};
  dm_stamp_write(block, usable, &what);
}

static void
check_round_trip(size_t usable, size_t size, uint32_t callsite, uint32_t birth)
{
  memset(memory, 'u', sizeof memory);
  write_stamp(memory, usable, size, callsite, birth);
  struct dm_block read;
  ck_assert_int_eq(dm_stamp_read(memory, usable, &read), DM_STAMP_VALID);
  ck_assert_uint_eq(read.size, size);
  ck_assert_uint_eq(read.callsite, callsite);
  ck_assert_uint_eq(read.birth, birth);
  /* Not a byte of the program's, and none beyond the block. */
  size_t room = dm_stamp_room(usable, &read);
  ck_assert_uint_ge(room, size);
  ck_assert_uint_le(room, usable - DM_STAMP_SIZE);
  size_t same = 0;
  while (same < room && memory[same] == 'u')
    same++;
  ck_assert_uint_eq(same, room);
  ck_assert_int_eq(memory[usable], 'u');
}

START_TEST(all_slacks)
{
  for (size_t slack = 0; slack <= 9000; slack += slack < 4200 ? 1 : 97)
    for (size_t size = 0; size <= 1000; size += 1 + size * 3)
      check_round_trip(size + slack + DM_STAMP_SIZE, size, 17, 3);
}
END_TEST

START_TEST(all_values_of_the_fields)
{
  static const uint32_t sites[] = {0, 1, 4095, 65536, 999999, 0xfffff};
  static const uint32_t births[] = {0, 1, 2001, 0x7fffffff, INT32_MAX};
  static const size_t slacks[] = {0, 1, 15, 4094, 4095, 4096, 8000};
  for (unsigned i = 0; i < sizeof sites / sizeof *sites; i++)
    for (unsigned j = 0; j < sizeof births / sizeof *births; j++)
      for (unsigned k = 0; k < sizeof slacks / sizeof *slacks; k++)
        check_round_trip(24 + slacks[k] + DM_STAMP_SIZE, 24, sites[i],
                         births[j]);
}
END_TEST

START_TEST(room_is_what_the_stamp_leaves)
{
  struct dm_block what = {.size = 100};
  ck_assert_uint_eq(dm_stamp_room(116, &what), 100);
  ck_assert_uint_eq(dm_stamp_room(120, &what), 104);
  ck_assert_uint_eq(dm_stamp_room(100 + 4094 + 16, &what), 4194);
  /* From here on the size has a word of its own. */
  ck_assert_uint_eq(dm_stamp_room(100 + 4095 + 16, &what), 4195 - 8);
  ck_assert_uint_eq(dm_stamp_room(100000, &what), 100000 - 24);
}
END_TEST

/* The program may fill all the room there is, and the stamp stands. */
START_TEST(the_program_uses_all_the_room)
{
  for (size_t slack = 4000; slack < 4200; slack++)
  {
    struct dm_block read;
    size_t usable = 40 + slack + DM_STAMP_SIZE;
    write_stamp(memory, usable, 40, 5, 6);
    ck_assert_int_eq(dm_stamp_read(memory, usable, &read), DM_STAMP_VALID);
    memset(memory, 0xff, dm_stamp_room(usable, &read));
    ck_assert_int_eq(dm_stamp_read(memory, usable, &read), DM_STAMP_VALID);
    ck_assert_uint_eq(read.size, 40);
  }
}
END_TEST

START_TEST(leftovers_are_foreign)
{
  struct dm_block read;
  unsigned long state = 1;
  for (unsigned i = 0; i < 100000; i++)
  {
    size_t usable = 24 + i % 100 * 8;
    for (unsigned j = 1; j <= 3; j++)
      ((uint64_t *) (memory + usable))[-(int) j] = next_random(&state);
    ck_assert_int_eq(dm_stamp_read(memory, usable, &read), DM_STAMP_FOREIGN);
  }
  static const int bytes[] = {0, 'x', 0xff};
  for (unsigned i = 0; i < 3; i++)
  {
    memset(memory, bytes[i], sizeof memory);
    for (size_t usable = 0; usable < 10000; usable++)
      ck_assert_int_eq(dm_stamp_read(memory, usable, &read), DM_STAMP_FOREIGN);
  }
}
END_TEST

START_TEST(too_small_for_a_stamp)
{
  struct dm_block read;
  memset(memory, 0, sizeof memory);
  for (size_t usable = 0; usable < DM_STAMP_SIZE; usable++)
    ck_assert_int_eq(dm_stamp_read(memory + 64, usable, &read),
                     DM_STAMP_FOREIGN);
}
END_TEST

/* Changes each byte of the stamp into every other value. Slack 4095 has the
   word of the size, 8 bytes more. */
static void
corrupt_each_byte(size_t slack)
{
  struct dm_block read;
  size_t usable = 48 + slack + DM_STAMP_SIZE;
  size_t length = slack >= DM_STAMP_FAR ? 24 : 16;
  memset(memory, 0, sizeof memory);
  write_stamp(memory, usable, 48, 0x12345, 2001);
  for (size_t place = 1; place <= length; place++)
    for (unsigned change = 1; change < 256; change++)
    {
      char *byte = memory + usable - place;
      *byte ^= (char) change;
      enum dm_stamp_state state = dm_stamp_read(memory, usable, &read);
      /* The seal's upper 5 bytes say whose block it is; all else is checked. */
      ck_assert_msg(state == (place <= 5 ? DM_STAMP_FOREIGN : DM_STAMP_BROKEN),
                    "slack %zu, %zu from the end ^ %u: %d", slack, place,
                    change, state);
      *byte ^= (char) change;
    }
  ck_assert_int_eq(dm_stamp_read(memory, usable, &read), DM_STAMP_VALID);
}

START_TEST(every_change_of_one_byte_shows)
{
  static const size_t slacks[] = {0,    1,    8,    15,   255,  4080,
                                  4094, 4095, 4096, 5000, 10000};
  for (unsigned i = 0; i < SECRETS; i++)
  {
    dm_stamp_secret = secrets[i];
    for (unsigned j = 0; j < sizeof slacks / sizeof *slacks; j++)
      corrupt_each_byte(slacks[j]);
  }
}
END_TEST

/* An overflow by a few bytes, of any content, leaves the end standing. */
START_TEST(overflows_are_broken_not_believed)
{
  unsigned long state = 1;
  unsigned believed = 0;
  for (unsigned i = 0; i < 200000; i++)
  {
    size_t usable = 64 + i % 40 * 16 + DM_STAMP_SIZE;
    size_t size = usable - DM_STAMP_SIZE - i % 16;
    write_stamp(memory, usable, size, i % 1000, i);
    unsigned long garbage = next_random(&state);
    size_t length = 1 + i % 11; /* to the end of the check */
    char *at = memory + usable - DM_STAMP_SIZE;
    char before[16];
    memcpy(before, at, length);
    memcpy(at, &garbage, length < 8 ? length : 8);
    if (length > 8)
      memset(at + 8, (int) (garbage >> 5), length - 8);
    if (memcmp(before, at, length) == 0)
      continue;
    struct dm_block read;
    enum dm_stamp_state is = dm_stamp_read(memory, usable, &read);
    ck_assert_int_ne(is, DM_STAMP_FOREIGN);
    believed += is == DM_STAMP_VALID;
  }
  /* 24 bits of check: one in 16 million would pass. */
  ck_assert_uint_eq(believed, 0);
}
END_TEST

START_TEST(a_stamp_is_foreign_at_another_address)
{
  struct dm_block read;
  for (unsigned i = 0; i < SECRETS; i++)
  {
    dm_stamp_secret = secrets[i];
    memset(memory, 0, sizeof memory);
    write_stamp(memory, 80, 64, 3, 4);
    for (size_t distance = 8; distance + 80 < sizeof memory; distance += 8)
    {
      memmove(memory + distance, memory + distance - 8, 80);
      memset(memory + distance - 8, 0, 8);
      ck_assert_int_eq(dm_stamp_read(memory + distance, 80, &read),
                       DM_STAMP_FOREIGN);
    }
  }
}
END_TEST

START_TEST(a_stamp_of_another_process_is_foreign)
{
  struct dm_block read;
  write_stamp(memory, 80, 64, 3, 4);
  for (unsigned bit = 24; bit < 64; bit++)
  {
    dm_stamp_secret ^= UINT64_C(1) << bit;
    ck_assert_int_eq(dm_stamp_read(memory, 80, &read), DM_STAMP_FOREIGN);
    dm_stamp_secret ^= UINT64_C(1) << bit;
  }
}
END_TEST

START_TEST(a_cleared_stamp_is_foreign)
{
  static const size_t slacks[] = {0, 8, 4095, 6000};
  struct dm_block read;
  for (unsigned i = 0; i < 4; i++)
  {
    size_t usable = 64 + slacks[i] + DM_STAMP_SIZE;
    write_stamp(memory, usable, 64, 3, 4);
    dm_stamp_clear(memory, usable);
    ck_assert_int_eq(dm_stamp_read(memory, usable, &read), DM_STAMP_FOREIGN);
  }
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {all_slacks,
                                all_values_of_the_fields,
                                room_is_what_the_stamp_leaves,
                                the_program_uses_all_the_room,
                                leftovers_are_foreign,
                                too_small_for_a_stamp,
                                every_change_of_one_byte_shows,
                                overflows_are_broken_not_believed,
                                a_stamp_is_foreign_at_another_address,
                                a_stamp_of_another_process_is_foreign,
                                a_cleared_stamp_is_foreign,
                                NULL};
  return run_suite(make_suite("stamp", setup, tests));
}
