/* ages.c -- live blocks by age. */

#include "books/ages.h"

/* A slice leaves the window DM_AGE_SLICES after it entered: its counts join
   the older rest. Its place is then taken back by subtraction, not by storing
   zero, so that what a signal handler adds in between is not lost. */
static void
retire(struct dm_ages *ages, uint32_t slice)
{
  struct dm_row *row = &ages->slice[slice % DM_AGE_PLACES];
  uint64_t count = row->count, bytes = row->bytes;
  if (count == 0 && bytes == 0)
    return;
  dm_row_add(&ages->older, count, bytes);
  dm_row_add(row, -count, -bytes);
}

void
dm_ages_advance(struct dm_ages *ages, uint32_t slice)
{
  uint32_t head = ages->head;
  uint32_t sequence = ages->sequence;
  if ((int32_t) (slice - head) <= 0 || sequence % 2 == 1)
    return; /* a signal handler of this thread interrupted an advance */

  /* Pairs with the fences of dm_ages_sum. */
  __atomic_store_n(&ages->sequence, sequence + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);

  /* Those that leave are the DM_AGE_SLICES oldest at most, however long it
     was since the last advance. */
  uint32_t leaving = slice - head;
  if (leaving > DM_AGE_SLICES)
    leaving = DM_AGE_SLICES;
  uint32_t oldest = head - DM_AGE_SLICES + 1;
  for (uint32_t i = 0; i < leaving; i++)
    retire(ages, oldest + i);
  __atomic_store_n(&ages->head, slice, __ATOMIC_RELAXED);

  __atomic_store_n(&ages->sequence, sequence + 2, __ATOMIC_RELEASE);
}

unsigned
dm_age_row(uint32_t age)
{
  return (age >= 1) + (age >= 10) + (age >= 100) + (age >= 1000);
}

uint32_t
dm_age_row_start(unsigned row)
{
  static const uint32_t start[DM_AGE_ROWS] = {0, 1, 10, 100, 1000};
  return start[row];
}

static void
sum_once(const struct dm_ages *ages, uint32_t now,
         struct dm_row rows[DM_AGE_ROWS])
{
  uint32_t head = __atomic_load_n(&ages->head, __ATOMIC_RELAXED);
  rows[DM_AGE_ROWS - 1].count += dm_counter_read(&ages->older.count);
  rows[DM_AGE_ROWS - 1].bytes += dm_counter_read(&ages->older.bytes);
  for (uint32_t i = 0; i < DM_AGE_SLICES; i++)
  {
    uint32_t birth = head - i;
    const struct dm_row *slice = &ages->slice[birth % DM_AGE_PLACES];
    uint64_t count = dm_counter_read(&slice->count);
    uint64_t bytes = dm_counter_read(&slice->bytes);
    if (count == 0 && bytes == 0)
      continue;
    /* A slice that began after NOW was read counts as just born. */
    uint32_t age = (int32_t) (now - birth) < 0 ? 0 : now - birth;
    unsigned row = dm_age_row(age);
    rows[row].count += count;
    rows[row].bytes += bytes;
  }
}

bool
dm_ages_sum(const struct dm_ages *ages, uint32_t now,
            struct dm_row rows[DM_AGE_ROWS])
{
  bool clean = false;
  struct dm_row sum[DM_AGE_ROWS];
  for (int attempt = 0; attempt < 100 && !clean; attempt++)
  {
    /* Pairs with the stores of dm_ages_advance. */
    uint32_t before = __atomic_load_n(&ages->sequence, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < DM_AGE_ROWS; i++)
      sum[i] = (struct dm_row){0, 0};
    sum_once(ages, now, sum);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint32_t after = __atomic_load_n(&ages->sequence, __ATOMIC_RELAXED);
    clean = before == after && before % 2 == 0;
  }
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    rows[i].count += sum[i].count;
    rows[i].bytes += sum[i].bytes;
  }
  return clean;
}
