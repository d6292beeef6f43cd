/* record_rig.c -- an allocator, a loader and a caller that are made up. */

#include "record_rig.h"

#include <check.h>
#include <string.h>

#include "base/sys.h"
#include "ages_of.h"
#include "fake_clock.h"
#include "fake_unwind.h"

/* Stands for books/modules.c: a loader that is this array. */
static uintptr_t loader_code[16];
uintptr_t dm_loader_start, dm_loader_end;
unsigned fake_rechecks;

void
dm_modules_recheck(void (*gone)(unsigned number))
{
  fake_rechecks++;
  gone(1);
}

/* The allocator: blocks that know their usable size in the word before. */
static char memory[1 << 22] __attribute__((aligned(64)));
static size_t memory_used;

size_t
fake_usable_size(void *block)
{
  return ((size_t *) block)[-1];
}

void *
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

static const uintptr_t record_of_caller[] = {0, 0x401234};
const struct dm_caller caller = {record_of_caller};

void
record_setup(void)
{
  fake_clock_set(1);
  dm_stamp_secret = UINT64_C(0x123456789abcdef1);
  dm_next.malloc_usable_size = fake_usable_size;
  dm_loader_start = (uintptr_t) loader_code;
  dm_loader_end = (uintptr_t) (loader_code + 16);
  ck_assert_int_eq(dm_ledgers_init(CAP), 0);
  dm_thread_usual = true;
  ck_assert(dm_thread_init((uintptr_t) &caller));
  fake_callsite = 7;
}

/* Told or asked, the second is the same: each in its turn. */
static enum dm_time
turn(void)
{
  static unsigned turns;
  return turns++ % 2 == 0 ? DM_TIME_TOLD : DM_TIME_ASKED;
}

void *
record(void *block, size_t size, struct dm_caller from)
{
  return block && dm_thread_here.place
             ? dm_record_alloc(dm_thread_here.place, block,
                               fake_usable_size(block), size, from, turn())
             : dm_record_any_alloc(block, size, from);
}

void
release(void *block, struct dm_caller from)
{
  size_t usable = fake_usable_size(block);
  enum dm_freeing rest =
      usable >= DM_STAMP_SIZE && dm_thread_here.place
          ? dm_record_free(dm_thread_here.place, block, usable, turn())
          : DM_FREE_UNUSUAL;
  if (rest != DM_FREE_COUNTED)
    dm_record_free_rest(rest, block, dm_caller_address(from));
}

void *
allocate(size_t size, size_t slack)
{
  return record(fake_block(dm_stamped_size(size) + slack), size, caller);
}

struct figures
sum_all(void)
{
  struct figures sum;
  memset(&sum, 0, sizeof sum);
  for (const struct dm_ledger *l = dm_ledgers(); l; l = l->next)
  {
    for (uint32_t site = 0; site <= CAP; site++)
      if (dm_ledger_cell(l, site))
        dm_cell_add(&sum.cell, dm_ledger_cell(l, site));
    ages_of(l, CAP, dm_clock_slice(), sum.ages);
    for (unsigned i = 0; i < DM_SIZE_POWERS; i++)
      dm_row_add(&sum.sizes, l->sizes[i].count, l->sizes[i].bytes);
    for (unsigned i = 0; i < sizeof sum.mishaps / 8; i++)
      ((uint64_t *) &sum.mishaps)[i] += ((const uint64_t *) &l->mishaps)[i];
  }
  return sum;
}

void
check_live(uint64_t count, uint64_t bytes)
{
  struct figures sum = sum_all();
  ck_assert_uint_eq(sum.cell.allocations - dm_sums_frees(&sum.cell), count);
  ck_assert_uint_eq(sum.cell.allocated_bytes + sum.cell.grown_bytes -
                        sum.cell.freed_bytes - sum.cell.shrunk_bytes,
                    bytes);
  ck_assert_uint_eq(sum.sizes.count, count);
  ck_assert_uint_eq(sum.sizes.bytes, bytes);
}

void
lose_place(void)
{
  /* Another thread pointer's place is of no use to this one. */
  dm_thread_self()->pointer = 0;
  dm_thread_here = (struct dm_thread_here){NULL, 0};
  dm_sys_fail_after(1, true);
  while (dm_ledger_new())
    ;
}
