/* ages.c -- live blocks by age. */

#include "books/ages.h"

void
dm_ages_init(struct dm_ages *ages, uint32_t slice)
{
  for (unsigned i = 0; i < DM_AGE_RINGS; i++)
    ages->ring[i].head = slice;
}

/* A slice leaves the window DM_AGE_SLICES after it entered: its counts join
   the older rest. */
static void
retire(struct dm_age_ring *ring, uint32_t slice)
{
  struct dm_row *row = &ring->slice[slice % DM_AGE_PLACES];
  uint64_t count = row->count, bytes = row->bytes;
  if (count == 0 && bytes == 0)
    return;
  dm_row_add(&ring->older, count, bytes);
  dm_row_add(row, -count, -bytes);
}

/* Moves the head of RING to SLICE. */
static void
advance(struct dm_age_ring *ring, uint32_t slice)
{
  /* Pairs with the fences of sum_ring. A signal handler may have moved the head
     just before, so it is read after. */
  __atomic_fetch_add(&ring->sequence, 1, __ATOMIC_SEQ_CST);
  uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
  if ((int32_t) (slice - head) < 0)
    slice = head;
  __atomic_store_n(&ring->head, 0, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);

  /* Those that leave are the DM_AGE_SLICES oldest at most, however long it
     was since the last advance. */
  uint32_t leaving = slice - head;
  if (leaving > DM_AGE_SLICES)
    leaving = DM_AGE_SLICES;
  uint32_t oldest = head - DM_AGE_SLICES + 1;
  for (uint32_t i = 0; i < leaving; i++)
    retire(ring, oldest + i);

  __atomic_store_n(&ring->head, slice, __ATOMIC_RELEASE);
  __atomic_fetch_add(&ring->sequence, 1, __ATOMIC_RELEASE);
}

struct dm_row *
dm_ages_row(struct dm_ages *ages, uint32_t birth)
{
  /* A handler that interrupts an advance takes the next ring. One that
     interrupts the advance of the last ring too must do with that. */
  struct dm_age_ring *ring = &ages->ring[0];
  while (ring->sequence % 2 == 1 && ring < &ages->ring[DM_AGE_RINGS - 1])
    ring++;
  if (ring->sequence % 2 == 0 && (int32_t) (birth - ring->head) > 0)
    advance(ring, birth);
  if ((int32_t) (ring->head - birth) >= DM_AGE_SLICES)
    return &ring->older;
  return &ring->slice[birth % DM_AGE_PLACES];
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
sum_once(const struct dm_age_ring *ring, uint32_t now,
         struct dm_row rows[DM_AGE_ROWS])
{
  uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
  rows[DM_AGE_ROWS - 1].count += dm_counter_read(&ring->older.count);
  rows[DM_AGE_ROWS - 1].bytes += dm_counter_read(&ring->older.bytes);
  for (uint32_t i = 0; i < DM_AGE_SLICES; i++)
  {
    uint32_t birth = head - i;
    const struct dm_row *slice = &ring->slice[birth % DM_AGE_PLACES];
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

static bool
sum_ring(const struct dm_age_ring *ring, uint32_t now,
         struct dm_row rows[DM_AGE_ROWS])
{
  enum
  {
    ATTEMPTS = 100
  };
  bool clean = false;
  struct dm_row sum[DM_AGE_ROWS];
  for (int attempt = 0; attempt < ATTEMPTS && !clean; attempt++)
  {
    /* Pairs with the stores of advance. */
    uint32_t before = __atomic_load_n(&ring->sequence, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < DM_AGE_ROWS; i++)
      sum[i] = (struct dm_row){0, 0};
    sum_once(ring, now, sum);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint32_t after = __atomic_load_n(&ring->sequence, __ATOMIC_RELAXED);
    clean = before == after && before % 2 == 0;
  }
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    rows[i].count += sum[i].count;
    rows[i].bytes += sum[i].bytes;
  }
  return clean;
}

bool
dm_ages_sum(const struct dm_ages *ages, uint32_t now,
            struct dm_row rows[DM_AGE_ROWS])
{
  bool clean = true;
  for (unsigned i = 0; i < DM_AGE_RINGS; i++)
    clean = sum_ring(&ages->ring[i], now, rows) && clean;
  return clean;
}
