/* ages.c -- live blocks by age. */

#include "books/ages.h"

/* A slice leaves the window DM_AGE_SLICES after it entered: its counts join
   the older rest. Each count is taken out in one instruction, for a signal
   handler of this thread may do the same in the middle. */
static void
retire(struct dm_ages *ages, uint32_t slice)
{
  struct dm_row *row = &ages->slice[slice % DM_AGE_PLACES];
  if (row->count == 0 && row->bytes == 0)
    return;
  uint64_t count = __atomic_exchange_n(&row->count, 0, __ATOMIC_RELAXED);
  uint64_t bytes = __atomic_exchange_n(&row->bytes, 0, __ATOMIC_RELAXED);
  dm_row_add(&ages->older, count, bytes);
}

/* Moves the head from FROM to TO, unless a signal handler moved it first. */
static void
move_head(struct dm_ages *ages, uint32_t from, uint32_t to)
{
  __atomic_compare_exchange_n(&ages->head, &from, to, false, __ATOMIC_RELAXED,
                              __ATOMIC_RELAXED);
}

/* The head goes slice by slice, so that a handler which finds it half way can
   take it further; when it has gone once through the window all of it is
   empty, and the head may jump. */
static void
advance_head(struct dm_ages *ages, uint32_t slice)
{
  uint32_t steps = 0;
  uint32_t head;
  while ((int32_t) (slice - (head = ages->head)) > 0)
  {
    if (steps++ >= DM_AGE_SLICES)
      move_head(ages, head, slice);
    else
    {
      retire(ages, head + 1 - DM_AGE_SLICES);
      move_head(ages, head, head + 1);
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
  }
}

void
dm_ages_advance(struct dm_ages *ages, uint32_t slice)
{
  uint32_t sequence = ages->sequence;
  if (sequence % 2 == 1)
  {
    /* A signal handler interrupted an advance: its bracket serves us too. */
    advance_head(ages, slice);
    return;
  }
  /* Pairs with the fences of dm_ages_sum. */
  __atomic_store_n(&ages->sequence, sequence + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  advance_head(ages, slice);
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
