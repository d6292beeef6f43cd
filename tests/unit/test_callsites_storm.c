/* test_callsites_storm.c -- threads count, free and find while numbers are
   reclaimed under them.

   Under the thread sanitizer too: `scons units SANITIZE=thread`. */

#include "callsites_rig.h"

#include <pthread.h>
#include <sched.h>

#include "base/barrier.h"
#include "runner.h"

enum
{
  THREADS = RIG_THREADS - 1,
  ROUNDS = 60,   /* in which something is reclaimed */
  STACKS = 3000, /* kinds that all allocate, beside new ones */
  KEPT = 150,    /* live blocks a thread at any time */
  SHELF = 64     /* blocks that go from one thread to another */
};

static _Atomic bool enough, stopping;
static _Atomic unsigned wrong;

/* Blocks on their way to another thread; 0: empty. */
static _Atomic uint64_t shelf[SHELF];

static struct block kept[THREADS][KEPT];

/* A block in one word, never 0; and back. */
static uint64_t
wrap(struct block block)
{
  return (uint64_t) block.stack << 32 | block.callsite | UINT64_C(1) << 31;
}

static struct block
unwrap(uint64_t word)
{
  return (struct block){(unsigned) (word >> 32), word & INT32_MAX};
}

/* Puts BLOCK on the shelf, and frees what another thread has put there. */
static void
exchange(unsigned thread, struct block block, unsigned place)
{
  uint64_t other = atomic_exchange(&shelf[place], wrap(block));
  if (other)
    release(thread, unwrap(other));
}

/* A stack that is known, one of those that come again, or a new one. */
static unsigned
choose_stack(unsigned thread, unsigned i, unsigned long *random)
{
  unsigned long any = next_random(random);
  if (any % 4 == 0)
    return 1 + (unsigned) (any >> 8) % 20;
  if (any % 4 == 1)
    return 1 + (unsigned) (any >> 8) % STACKS;
  return STACKS + 1 + i * THREADS + thread;
}

/* Now and then another thread goes first. */
static void
give_way(void)
{
  static __thread unsigned long random = 1;
  if (next_random(&random) % 64 == 0)
    sched_yield();
}

static unsigned made[THREADS]; /* allocations */

static void *
allocate_and_free(void *arg)
{
  unsigned thread = (unsigned) (uintptr_t) arg;
  unsigned long random = thread + 1;
  for (; !atomic_load(&enough); made[thread]++)
  {
    struct block block =
        allocate(thread, choose_stack(thread, made[thread], &random));
    unsigned long any = next_random(&random);
    if (any % 3 == 0)
      exchange(thread, block, (any >> 8) % SHELF);
    else if (any % 3 == 1)
    {
      struct block *mine = &kept[thread][(any >> 8) % KEPT];
      if (mine->stack)
        release(thread, *mine);
      *mine = block;
    }
    else
      release(thread, block);
  }
  return NULL;
}

static void *
reclaim_again_and_again(void *unused)
{
  (void) unused;
  for (unsigned rounds = 0; !atomic_load(&stopping);)
  {
    rounds += reclaim() > 0;
    if (rounds >= ROUNDS)
      atomic_store(&enough, true);
  }
  return NULL;
}

static void
run_storm(void)
{
  between_steps = give_way;
  pthread_t reclaimer, id[THREADS];
  pthread_create(&reclaimer, NULL, reclaim_again_and_again, NULL);
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&id[i], NULL, allocate_and_free, (void *) i);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(id[i], NULL);
  atomic_store(&stopping, true);
  pthread_join(reclaimer, NULL);
}

/* Live blocks and their bytes by callsite, as the blocks themselves say. */
static struct sums live[RIG_CAP + 1];

static void
look_at(struct block block)
{
  if (!block.stack)
    return;
  wrong += !is_some_of(block.callsite, block.stack);
  live[block.callsite].allocations++;
  live[block.callsite].allocated += block.stack;
}

START_TEST(a_storm)
{
  ck_assert_int_eq(dm_callsites_init(RIG_CAP), 0);
  ck_assert(dm_barrier_init());
  dm_callsites_generation = 1;
  run_storm();

  for (unsigned i = 0; i < SHELF; i++)
    if (shelf[i])
      look_at(unwrap(shelf[i]));
  for (unsigned i = 0; i < THREADS; i++)
    for (unsigned j = 0; j < KEPT; j++)
      look_at(kept[i][j]);
  ck_assert_uint_eq(wrong, 0);

  sum_ledgers();
  int64_t allocations = sums_of_reclaimed().allocations;
  for (unsigned i = 0; i < THREADS; i++)
    allocations -= made[i];
  for (uint32_t i = 0; i <= dm_callsites_used(); i++)
  {
    struct sums sums = sums_of(i);
    ck_assert_int_eq(sums.allocations - sums.frees, live[i].allocations);
    ck_assert_int_eq(sums.allocated - sums.freed, live[i].allocated);
    ck_assert_int_ge(sums.frees, 0);
    allocations += sums.allocations;
  }
  ck_assert_int_eq(allocations, 0);

  /* One stack, one number. */
  for (uint32_t i = 1; i <= dm_callsites_used(); i++)
  {
    unsigned count;
    const dm_frame *frames = dm_callsite_frames(i, &count);
    unsigned how = frames ? dm_callsite_how(i) : 0;
    if (frames && !(how & DM_CALLSITE_SHORTENED))
      ck_assert_uint_eq(dm_callsites_find(frames, count, how), i);
  }
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {a_storm, NULL};
  return run_suite(make_suite("callsites_storm", NULL, tests));
}
