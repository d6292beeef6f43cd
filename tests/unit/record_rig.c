/* record_rig.c -- an allocator, a loader and a caller that are made up. */

#include "record_rig.h"

#include <check.h>
#include <string.h>

#include "base/sys.h"
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

static uintptr_t return_address = 0x401234;
const struct dm_caller caller = {.slot = &return_address};

void
record_setup(void)
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

void *
allocate(size_t size, size_t slack)
{
  void *block = fake_block(dm_stamped_size(size) + slack);
  return dm_record_alloc(block, size, caller);
}

struct figures
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

void
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

void
lose_place(void)
{
  /* Another thread pointer's place is of no use to this one. */
  dm_thread_self()->pointer = 0;
  dm_thread_current = NULL;
  dm_sys_fail_after(1, true);
  while (dm_ledger_new())
    ;
}
