/* fuzz.c -- a million random calls of all entry points from four threads.

   The program checks by itself what must hold with any allocator: alignment,
   contents, usable size, errno. What an allocator may choose (which calls fail
   and how) goes into a digest, which must be the same with the profiler before
   that allocator and without it. Threads pass blocks to each other through a
   common shelf; the digest depends on each thread's own random numbers only. */

#include <pthread.h>
#include <stdatomic.h>

#include "small.h"

enum { THREADS = 4, CALLS = 250000, SLOTS = 400, SHELVES = 64 };

struct block
{
  unsigned char *start;
  size_t size;
  unsigned char fill;
};

struct shelf
{
  pthread_mutex_t lock;
  struct block block;
};

struct worker
{
  pthread_t thread;
  uint64_t random;
  uint64_t digest;
  struct block blocks[SLOTS];
};

/* libmimalloc 2.0.9 does not always align as it was asked to. */
static int unaligned;
static int own_reallocarray;

/* libjemalloc has no pvalloc of its own, and cannot free glibc's. */
static void *(*call_pvalloc)(size_t) = pvalloc;

static struct shelf shelves[SHELVES];
static struct worker workers[THREADS];

/* xorshift64* of Vigna. */
static uint32_t
draw(struct worker *worker, uint32_t below)
{
  uint64_t x = worker->random;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  worker->random = x;
  return (uint32_t) ((x * UINT64_C(2685821657736338717)) >> 33) % below;
}

static void
note(struct worker *worker, uint64_t value)
{
  worker->digest = (worker->digest ^ value) * UINT64_C(1099511628211);
}

/* Mostly small, sometimes large. */
static size_t
draw_size(struct worker *worker)
{
  switch (draw(worker, 64))
    {
    case 0:
      return 0;
    case 1:
      return draw(worker, 400000);
    case 2:
    case 3:
    case 4:
      return draw(worker, 20000);
    default:
      return draw(worker, 700);
    }
}

/* Sizes that no allocator can give. */
static size_t
draw_impossible(struct worker *worker)
{
  static const size_t sizes[] = {
    SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX - 17,
    SIZE_MAX - 4096, (size_t) PTRDIFF_MAX + 1, PTRDIFF_MAX, PTRDIFF_MAX - 15,
  };
  return sizes[draw(worker, sizeof sizes / sizeof *sizes)];
}

static void
fill(struct block *block, unsigned char with)
{
  block->fill = with;
  memset(block->start, with, block->size);
}

static void
check_filled(const unsigned char *start, size_t length, unsigned char with)
{
  if (length)
    CHECK(start[0] == with && memcmp(start, start + 1, length - 1) == 0);
}

/* Takes START, a new block of SIZE bytes, into SLOT. */
static void
accept(struct worker *worker, struct block *slot, void *start, size_t size,
       size_t alignment)
{
  note(worker, start != NULL);
  if (!start)
    {
      note(worker, (uint64_t) errno);
      slot->start = NULL;
      return;
    }
  CHECK((uintptr_t) start % alignment == 0 || size == 0 || unaligned);
  size_t usable = malloc_usable_size(start);
  CHECK(usable >= size);
  slot->start = start;
  /* Programs write into the slack that they were told of. */
  slot->size = draw(worker, 4) ? size : usable;
  fill(slot, (unsigned char) draw(worker, 256));
}

static void
release(struct block *block)
{
  if (block->start)
    check_filled(block->start, block->size, block->fill);
  errno = 4711;
  free(block->start);
  CHECK(errno == 4711);
  block->start = NULL;
}

static void
resize(struct worker *worker, struct block *slot, size_t size, int as_array)
{
  size_t keep = slot->start ? (slot->size < size ? slot->size : size) : 0;
  unsigned char with = slot->fill;
  void *start = as_array && !own_reallocarray
                    ? reallocarray(slot->start, size, 1)
                    : realloc(slot->start, size);
  if (!start && size)
    CHECK(0);
  if (start && keep)
    check_filled(start, keep, with);
  accept(worker, slot, start, size, size < 16 ? 8 : 16);
}

/* One block in some is swapped with another thread's. */
static void
swap(struct worker *worker, struct block *slot)
{
  struct shelf *shelf = &shelves[draw(worker, SHELVES)];
  pthread_mutex_lock(&shelf->lock);
  struct block other = shelf->block;
  shelf->block = *slot;
  *slot = other;
  pthread_mutex_unlock(&shelf->lock);
}

/* A call that must fail; which error it gives is the allocator's choice. */
static void
call_impossible(struct worker *worker, struct block *slot)
{
  size_t size = draw_impossible(worker);
  void *block = slot;
  void *result = NULL;
  int error = 0;
  release(slot);
  accept(worker, slot, malloc(100), 100, 16);
  errno = 0;
  switch (draw(worker, 9))
    {
    case 0:
      result = malloc(size);
      break;
    case 1:
      result = calloc(size / 2, 3);
      break;
    case 2:
      result = calloc(1, size);
      break;
    case 3:
      result = realloc(slot->start, size);
      break;
    case 4:
      result = reallocarray(slot->start, size, 16);
      break;
    case 5:
      result = memalign(64, size);
      break;
    case 6:
      result = aligned_alloc(64, size & ~(size_t) 63);
      break;
    case 7:
      error = posix_memalign(&block, 64, size);
      CHECK(error == ENOMEM && block == slot);
      break;
    case 8:
      error = posix_memalign(&block, 3, 10);
      CHECK(error == EINVAL && block == slot);
      break;
    }
  CHECK(result == NULL);
  note(worker, (uint64_t) (error ? error : errno));
  /* What was there stays as it was. */
  if (slot->start)
    check_filled(slot->start, slot->size, slot->fill);
}

static void
call_one(struct worker *worker, struct block *slot)
{
  size_t size = draw_size(worker);
  size_t alignment = (size_t) 8 << draw(worker, 10);
  size_t page = (size_t) sysconf(_SC_PAGESIZE);
  size_t natural = size < 16 ? 8 : 16;
  unsigned call = draw(worker, 32);
  void *start = NULL;

  if (call < 10 || (call >= 16 && call < 30))
    release(slot);
  errno = 0;
  switch (call)
    {
    case 0: case 1: case 2: case 3: case 4:
      accept(worker, slot, malloc(size), size, natural);
      break;
    case 5: case 6:
      start = calloc(3, size / 3);
      if (start)
        check_filled(start, size / 3 * 3, 0);
      accept(worker, slot, start, size / 3 * 3, 8);
      break;
    case 7:
      accept(worker, slot, memalign(alignment, size), size, alignment);
      break;
    case 8:
      accept(worker, slot, aligned_alloc(alignment, size), size,
             size >= alignment ? alignment : 8);
      break;
    case 9:
      if (posix_memalign(&start, alignment, size))
        start = NULL;
      accept(worker, slot, start, size, alignment);
      break;
    case 10: case 11: case 12: case 13: case 14:
      if (size == 0)
        size = 1;
      resize(worker, slot, size, call == 14);
      break;
    case 15:
      /* What this does with a block is the allocator's choice. */
      if (!slot->start)
        slot->start = malloc(1);
      accept(worker, slot, realloc(slot->start, 0), 0, 8);
      break;
    case 16:
      if (draw(worker, 20) == 0)
        accept(worker, slot, valloc(size), size, page);
      break;
    case 17:
      if (draw(worker, 20) == 0)
        accept(worker, slot, call_pvalloc(size), size, page);
      break;
    case 30:
      call_impossible(worker, slot);
      break;
    case 31:
      CHECK(malloc_usable_size(NULL) == 0);
      CHECK(!slot->start || malloc_usable_size(slot->start) >= slot->size);
      break;
    }
}

static void *
work(void *arg)
{
  struct worker *worker = arg;
  for (int i = 0; i < CALLS; i++)
    {
      struct block *slot = &worker->blocks[draw(worker, SLOTS)];
      call_one(worker, slot);
      if (draw(worker, 8) == 0)
        swap(worker, slot);
    }
  for (int i = 0; i < SLOTS; i++)
    release(&worker->blocks[i]);
  return NULL;
}

int
main(int argc, char **argv)
{
  uint64_t digest = 0;
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "no-pvalloc") == 0)
      call_pvalloc = valloc;
    else if (strcmp(argv[i], "own-reallocarray") == 0)
      own_reallocarray = 1; /* goes past us, with a block of ours */
    else if (strcmp(argv[i], "unaligned") == 0)
      unaligned = 1;
  for (int i = 0; i < SHELVES; i++)
    pthread_mutex_init(&shelves[i].lock, NULL);
  for (int i = 0; i < THREADS; i++)
    {
      workers[i].random = UINT64_C(0x9e3779b97f4a7c15) * (unsigned) (i + 1);
      CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
  for (int i = 0; i < THREADS; i++)
    {
      CHECK(pthread_join(workers[i].thread, NULL) == 0);
      digest ^= workers[i].digest;
    }
  for (int i = 0; i < SHELVES; i++)
    release(&shelves[i].block);
  say("digest %016lx\n", (unsigned long) digest);
  return 0;
}
