/* malloc_rules.c -- what glibc's own tests ask of malloc, one rule a name.

   Written anew from what these check: tst-malloc, tst-malloc-too-large,
   tst-malloc-usable, tst-calloc, tst-realloc, tst-reallocarray, tst-memalign,
   tst-posix_memalign, tst-valloc, tst-pvalloc, tst-free-errno, tst-mallinfo2,
   tst-malloc_info, tst-malloc-thread-exit, tst-malloc-thread-fail,
   tst-mallocfork, tst-mallocfork2, tst-mallocfork3. */

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "small.h"

/* The compiler must not know them. */
static volatile size_t half = PTRDIFF_MAX, none = 0;
static volatile int expected_errno;

#define REFUSED(call)                                                          \
  do                                                                           \
    {                                                                          \
      errno = 0;                                                               \
      CHECK((call) == NULL && errno == ENOMEM);                                \
    }                                                                          \
  while (0)

static void
too_large(void)
{
  /* Around the largest size, the largest number, and all between. */
  for (size_t step = 0; step < 3; step++)
    for (size_t less = 0; less < 300; less++)
      {
        size_t size = (step == 0 ? SIZE_MAX : step == 1 ? half + 301 : SIZE_MAX / 4 * 3) - less;
        void *held = malloc(16);
        memset(held, 'h', 16);
        REFUSED(malloc(size));
        REFUSED(realloc(NULL, size));
        REFUSED(realloc(held, size));
        REFUSED(calloc(1, size));
        REFUSED(calloc(size, 1));
        REFUSED(reallocarray(held, size, 1));
        REFUSED(aligned_alloc(64, size));
        REFUSED(memalign(64, size));
        REFUSED(memalign(4096, size));
        REFUSED(valloc(size));
        REFUSED(pvalloc(size));
        void *block = held;
        CHECK(posix_memalign(&block, 64, size) == ENOMEM && block == held);
        CHECK(memcmp(held, "hhhhhhhhhhhhhhhh", 16) == 0);
        free(held);
      }
  for (size_t shift = 1; shift < 64; shift++)
    {
      size_t one = (size_t) 1 << shift, other = SIZE_MAX / one + 1;
      REFUSED(calloc(one, other));
      REFUSED(calloc(other + none, one));
      REFUSED(reallocarray(NULL, one, other));
    }
}

static void
nothing(void)
{
  void *one = malloc(none), *other = calloc(none, 5), *third = realloc(NULL, none);
  CHECK(one && other && third && one != other && other != third);
  CHECK(realloc(third, none) == NULL);
  void *aligned;
  CHECK(posix_memalign(&aligned, 64, none) == 0 && aligned);
  free(one);
  free(other);
  free(aligned);
  free(NULL);
  CHECK(malloc_usable_size(NULL) == 0);
}

static void
usable(void)
{
  for (size_t size = 0; size < 70000; size += size < 3000 ? 1 : 997)
    {
      unsigned char *block = malloc(size);
      size_t room = malloc_usable_size(block);
      CHECK(room >= size);
      memset(block, 0xa5, room); /* all of it is the program's */
      CHECK(malloc_usable_size(block) == room);
      block = realloc(block, room + 1);
      CHECK(malloc_usable_size(block) >= room + 1);
      for (size_t i = 0; i < room; i++)
        CHECK(block[i] == 0xa5);
      room = malloc_usable_size(block);
      memset(block, 0x5a, room);
      free(block);
    }
}

static void
zeroed(void)
{
  for (unsigned round = 0; round < 20000; round++)
    {
      size_t count = round % 61 + 1, size = round * 7919 % 1500;
      unsigned char *dirty = malloc(count * size);
      memset(dirty, 0xff, count * size);
      free(dirty);
      unsigned char *block = calloc(count, size);
      for (size_t i = 0; i < count * size; i++)
        CHECK(block[i] == 0);
      memset(block, 0xff, malloc_usable_size(block));
      free(block);
    }
}

static void
resized(void)
{
  unsigned char *block = NULL;
  size_t kept = 0;
  for (unsigned round = 0; round < 20000; round++)
    {
      size_t size = round * 7919 % (round % 100 ? 3000 : 300000) + 1;
      block = realloc(block, size);
      CHECK(block && (uintptr_t) block % 16 == 0);
      for (size_t i = 0; i < (kept < size ? kept : size); i++)
        CHECK(block[i] == (unsigned char) (i * 31));
      for (size_t i = 0; i < size; i++)
        block[i] = (unsigned char) (i * 31);
      kept = size;
    }
  unsigned char *array = reallocarray(block, 10, 1);
  CHECK(array && array[9] == (unsigned char) (9 * 31));
  free(array);
}

static void
aligned(void)
{
  for (size_t alignment = 1; alignment <= 1 << 22; alignment *= 2)
    for (size_t size = 0; size < 5000; size = size * 2 + 1)
      {
        void *blocks[3] = { memalign(alignment, size), aligned_alloc(alignment, size), NULL };
        int error = posix_memalign(&blocks[2], alignment, size);
        CHECK(error == (alignment < sizeof(void *) ? EINVAL : 0));
        for (int i = 0; i < 3; i++)
          {
            CHECK((uintptr_t) blocks[i] % alignment == 0);
            if (blocks[i])
              memset(blocks[i], 0xa5, malloc_usable_size(blocks[i]));
          }
        void *moved = realloc(blocks[0], size + 10000);
        CHECK(moved && (size == 0 || *(unsigned char *) moved == 0xa5));
        free(moved);
        free(blocks[1]);
        free(blocks[2]);
      }
  void *block = &block;
  static const size_t wrong[] = { 0, 1, 3, 7, 9, 12, 24, 100, SIZE_MAX };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    CHECK(posix_memalign(&block, wrong[i], 10) == EINVAL && block == &block);
  errno = 0;
  CHECK(memalign(SIZE_MAX - none, 10) == NULL && errno == EINVAL);

  size_t page = (size_t) sysconf(_SC_PAGESIZE);
  for (size_t size = 0; size < 3 * page; size += 37)
    {
      char *one = valloc(size), *other = pvalloc(size);
      CHECK((uintptr_t) one % page == 0 && (uintptr_t) other % page == 0);
      size_t whole = (size + page - 1) / page * page;
      CHECK(malloc_usable_size(one) >= size && malloc_usable_size(other) >= whole);
      memset(other, 1, whole);
      free(one);
      free(other);
    }
}

static void
errno_stays(void)
{
  void *blocks[300];
  for (int i = 0; i < 300; i++)
    blocks[i] = malloc((size_t) i * i * 20);
  expected_errno = 12345;
  errno = expected_errno;
  for (int i = 0; i < 300; i++)
    {
      free(blocks[i]);
      CHECK(errno == 12345);
      blocks[i] = malloc((size_t) i * 7);
      CHECK(errno == 12345);
      blocks[i] = realloc(blocks[i], (size_t) i * 900 + 1);
      CHECK(errno == 12345);
    }
  /* A free whose munmap fails: too many mappings. */
  char *large = malloc(2 << 20);
  size_t page = (size_t) sysconf(_SC_PAGESIZE);
  char *area = mmap(NULL, 70000 * 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
  for (size_t i = 0; area != MAP_FAILED && i < 70000; i++)
    if (mprotect(area + 2 * i * page, page, PROT_READ) != 0)
      break;
  errno = 12345;
  free(large);
  CHECK(errno == 12345);
  void *more = malloc(100);
  CHECK(more);
  free(more);
  munmap(area, 70000 * 2 * page);
}

static void
statistics(void)
{
  void *blocks[100];
  for (int i = 0; i < 100; i++)
    blocks[i] = malloc(1000);
  struct mallinfo2 info = mallinfo2();
  CHECK(info.uordblks >= 100000);
  CHECK(mallopt(M_MMAP_THRESHOLD, 100000) == 1);
  void *large = malloc(200000);
  CHECK(mallinfo2().hblks == info.hblks + 1);
  char *text;
  size_t length;
  FILE *stream = open_memstream(&text, &length);
  CHECK(malloc_info(0, stream) == 0 && fclose(stream) == 0 && strstr(text, "<malloc"));
  free(text);
  free(large);
  for (int i = 0; i < 100; i++)
    free(blocks[i]);
  malloc_trim(0);
}

static void *
hoard(void *unused)
{
  for (int i = 0; i < 50; i++)
    {
      void *blocks[20];
      for (int k = 0; k < 20; k++)
        if ((blocks[k] = malloc((size_t) k * 50000)))
          memset(blocks[k], k, 100 % ((size_t) k * 50000 + 1));
      for (int k = 0; k < 20; k++)
        free(blocks[k]);
    }
  return unused;
}

static void
run_threads(void *(*function)(void *), int count)
{
  pthread_t threads[64];
  int started = 0;
  for (int i = 0; i < count; i++)
    if (pthread_create(&threads[started], NULL, function, NULL) == 0)
      started++;
  for (int i = 0; i < started; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
}

static void
threads_without_memory(void)
{
  struct rlimit limit = { 300 << 20, 300 << 20 };
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  for (int i = 0; i < 5; i++)
    run_threads(hoard, 32);
}

static void *
child_of_thread(void *unused)
{
  for (int i = 0; i < 20; i++)
    {
      pid_t pid = fork();
      if (pid == 0)
        {
          for (size_t k = 0; k < 200; k++)
            free(malloc(k * 10));
          _exit(7);
        }
      int status;
      CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
  return hoard(unused);
}

static void
threads_that_fork(void)
{
  run_threads(child_of_thread, 12);
}

static _Atomic int handled;

static void
fork_in_handler(int signal)
{
  (void) signal;
  int saved_errno = errno;
  pid_t pid = fork();
  if (pid == 0)
    _exit(0);
  while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  handled++;
  errno = saved_errno;
}

static void
fork_while_in_malloc(void)
{
  struct sigaction action = { .sa_handler = fork_in_handler, .sa_flags = SA_RESTART };
  CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
  pid_t parent = getpid(), sender = fork();
  if (sender == 0)
    for (;;)
      {
        if (kill(parent, SIGUSR2) != 0 || getppid() != parent)
          _exit(0);
        usleep(500);
      }
  while (handled < 300)
    {
      void *blocks[50];
      for (size_t i = 0; i < 50; i++)
        blocks[i] = malloc(i * 40);
      for (size_t i = 0; i < 50; i++)
        free(blocks[i]);
    }
  CHECK(kill(sender, SIGKILL) == 0);
  while (waitpid(sender, NULL, 0) < 0)
    CHECK(errno == EINTR);
}

static const struct rule
{
  const char *name;
  void (*check)(void);
} rules[] = {
  { "too_large", too_large },
  { "nothing", nothing },
  { "usable", usable },
  { "zeroed", zeroed },
  { "resized", resized },
  { "aligned", aligned },
  { "errno_stays", errno_stays },
  { "statistics", statistics },
  { "threads_without_memory", threads_without_memory },
  { "threads_that_fork", threads_that_fork },
  { "fork_while_in_malloc", fork_while_in_malloc },
};

int
main(int argc, char **argv)
{
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (argc < 2)
      say("%s\n", rules[i].name);
    else if (strcmp(rules[i].name, argv[1]) == 0)
      rules[i].check();
  return 0;
}
