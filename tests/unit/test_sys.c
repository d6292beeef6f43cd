/* test_sys.c -- the system calls: results, errors, and failing on purpose. */

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner.h"

static void
setup(void)
{
  errno = 4711;
}

static void
teardown(void)
{
  /* Whatever happened, the program's errno is its own. */
  ck_assert_int_eq(errno, 4711);
}

START_TEST(maps_zeroed_pages_and_counts_them)
{
  size_t before = dm_sys_mapped_bytes();
  char *pages = dm_sys_map(5000);
  ck_assert_ptr_nonnull(pages);
  ck_assert_uint_eq((uintptr_t) pages % 4096, 0);
  ck_assert_uint_eq(dm_sys_mapped_bytes() - before, 8192);
  for (unsigned i = 0; i < 8192; i++)
    ck_assert_int_eq(pages[i], 0);
  memset(pages, 'x', 8192);
  dm_sys_unmap(pages, 5000);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), before);
  ck_assert_int_eq(msync(pages, 8192, MS_ASYNC), -1);
  errno = 4711;
}
END_TEST

START_TEST(reserves_pages_that_count_when_they_are_used)
{
  size_t before = dm_sys_mapped_bytes(), length = 8 << 20;
  mlockall(MCL_FUTURE); /* or not, where that is not allowed */
  char *pages = dm_sys_reserve(length);
  ck_assert_ptr_nonnull(pages);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), before);
  /* A page that is touched brings in no other. */
  pages[length / 2] = 'x';
  unsigned char present[1024];
  ck_assert_int_eq(mincore(pages + length / 2 - 512 * 4096, 1024 * 4096,
                           present),
                   0);
  for (unsigned i = 0; i < 1024; i++)
    ck_assert_int_eq(present[i] & 1, i == 512);
  dm_sys_use(4096);
  ck_assert_uint_eq(dm_sys_mapped_bytes() - before, 4096);
  errno = 4711;
}
END_TEST

START_TEST(refuses_what_the_kernel_refuses)
{
  size_t before = dm_sys_mapped_bytes();
  ck_assert_ptr_null(dm_sys_reserve((size_t) 1 << 60));
  ck_assert_ptr_null(dm_sys_map((size_t) 1 << 60));
  ck_assert_ptr_null(dm_sys_map(0));
  dm_sys_unmap((void *) 1, 4096);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), before);
}
END_TEST

START_TEST(a_guard_page_guards)
{
  char *pages = dm_sys_map(8192);
  ck_assert_int_eq(dm_sys_protect_none(pages, 4096), 0);
  pages[4096] = 'x';
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(SIGSEGV, &action, NULL);
  ((volatile char *) pages)[4095] = 'x';
}
END_TEST

START_TEST(what_can_be_read)
{
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  char *pages = dm_sys_map(8192);
  ck_assert(dm_sys_can_read(pages));
  ck_assert(dm_sys_can_read(pages + 8192 - 8));
  ck_assert_int_eq(dm_sys_protect_none(pages + 4096, 4096), 0);
  ck_assert(dm_sys_can_read(pages + 4096 - 8));
  ck_assert(!dm_sys_can_read(pages + 4096 - 7));
  ck_assert(!dm_sys_can_read(pages + 4096));
  ck_assert(!dm_sys_can_read((void *) 1));
  ck_assert(!dm_sys_can_read((void *) (UINTPTR_MAX / 2 + 1)));
  /* All bits set: they become nobody's mask. */
  memset(pages, 0xff, 8);
  ck_assert(dm_sys_can_read(pages));
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  ck_assert_int_eq(memcmp(&before, &after, sizeof(uint64_t)), 0);
}
END_TEST

START_TEST(files)
{
  char path[] = "/tmp/dmalloc-sys-XXXXXX";
  close(mkstemp(path));
  errno = 4711;
  ck_assert_int_eq(dm_sys_open("/nonexistent/file", O_RDONLY, 0), -ENOENT);
  int fd = dm_sys_open(path, O_RDWR, 0);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
  ck_assert_int_eq(dm_sys_write(fd, "0123456789", 10), 10);
  char buffer[16];
  ck_assert_int_eq(dm_sys_pread(fd, buffer, 4, 3), 4);
  ck_assert_int_eq(memcmp(buffer, "3456", 4), 0);
  ck_assert_int_eq(dm_sys_read(fd, buffer, sizeof buffer), 0);
  struct stat status;
  ck_assert_int_eq(dm_sys_fstat(fd, &status), 0);
  ck_assert_int_eq(status.st_size, 10);
  ck_assert_int_eq(dm_sys_close(fd), 0);
  ck_assert_int_eq(dm_sys_close(fd), -EBADF);
  ck_assert_int_eq(dm_sys_write(fd, "x", 1), -EBADF);
  ck_assert_int_eq(dm_sys_read(fd, buffer, 1), -EBADF);
  ck_assert_int_eq(dm_sys_fstat(fd, &status), -EBADF);

  fd = dm_sys_open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
  ck_assert_int_eq(fd, -EEXIST);
  unlink(path);
  fd = dm_sys_open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
  ck_assert_int_eq(dm_sys_fstat(fd, &status), 0);
  ck_assert_uint_eq(status.st_mode & 0777, 0600);
  dm_sys_close(fd);
  unlink(path);
}
END_TEST

START_TEST(links_are_always_terminated)
{
  char path[] = "/tmp/dmalloc-sys-XXXXXX", buffer[16];
  close(mkstemp(path));
  unlink(path);
  ck_assert_int_eq(symlink("0123456789abcdefgh", path), 0);
  errno = 4711;
  memset(buffer, 'x', sizeof buffer);
  ck_assert_int_eq(dm_sys_readlink(path, buffer, 8), 7);
  ck_assert_str_eq(buffer, "0123456");
  ck_assert_int_eq(dm_sys_readlink(path, buffer, 16), 15);
  ck_assert_str_eq(buffer, "0123456789abcde");
  unlink(path);
  ck_assert_int_eq(dm_sys_readlink(path, buffer, 16), -ENOENT);
  ck_assert_str_eq(buffer, "");
}
END_TEST

START_TEST(polls_a_pipe)
{
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
  ck_assert_int_gt(dm_sys_poll_out(ends[1], 0), 0);
  static char full[1 << 17];
  while (dm_sys_write(ends[1], full, sizeof full) > 0)
    ;
  ck_assert_int_eq(dm_sys_write(ends[1], full, 1), -EAGAIN);
  uint64_t start = dm_sys_clock_ns(CLOCK_MONOTONIC);
  ck_assert_int_eq(dm_sys_poll_out(ends[1], 30), 0);
  ck_assert_uint_ge(dm_sys_clock_ns(CLOCK_MONOTONIC) - start, 30000000);
}
END_TEST

static uint32_t word = 5;

static void *
wake_later(void *unused)
{
  usleep(20000);
  __atomic_store_n(&word, 6, __ATOMIC_SEQ_CST);
  dm_sys_futex_wake(&word);
  return unused;
}

START_TEST(waits_for_a_word)
{
  uint64_t now = dm_sys_clock_ns(CLOCK_MONOTONIC);
  ck_assert_int_eq(dm_sys_futex_wait(&word, 4, UINT64_MAX), -EAGAIN);
  ck_assert_int_eq(dm_sys_futex_wait(&word, 5, now + 20000000), -ETIMEDOUT);
  ck_assert_uint_ge(dm_sys_clock_ns(CLOCK_MONOTONIC), now + 20000000);
  ck_assert_int_eq(dm_sys_futex_wait(&word, 5, now), -ETIMEDOUT);
  ck_assert_int_eq(dm_sys_futex_wait_shared(&word, 5, 1000000), -ETIMEDOUT);
  ck_assert_int_eq(dm_sys_futex_wait_shared(&word, 4, 1000000), -EAGAIN);
  pthread_t thread;
  pthread_create(&thread, NULL, wake_later, NULL);
  while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 5)
    dm_sys_futex_wait(&word, 5, UINT64_MAX);
  pthread_join(thread, NULL);
}
END_TEST

START_TEST(clocks_and_ids)
{
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  uint64_t now = dm_sys_clock_ns(CLOCK_MONOTONIC);
  clock_gettime(CLOCK_MONOTONIC, &after);
  ck_assert_uint_ge(now, (uint64_t) before.tv_sec * 1000000000 +
                             (uint64_t) before.tv_nsec);
  ck_assert_uint_le(now, (uint64_t) after.tv_sec * 1000000000 +
                             (uint64_t) after.tv_nsec);
  ck_assert_int_eq(dm_sys_getpid(), getpid());
  ck_assert_int_eq(dm_sys_gettid(), gettid());
  ck_assert(dm_sys_thread_exists(gettid()));
  ck_assert(!dm_sys_thread_exists(1 << 30));
  dm_sys_yield();
}
END_TEST

START_TEST(blocks_every_signal)
{
  struct dm_signals old;
  sigset_t before, now;
  sigprocmask(SIG_SETMASK, NULL, &before);
  dm_sys_block_signals(&old);
  sigprocmask(SIG_SETMASK, NULL, &now);
  for (int number = 1; number <= 64; number++)
    if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33)
      ck_assert_int_eq(sigismember(&now, number), 1);
  raise(SIGTERM); /* waits */
  sigset_t pending, none;
  sigpending(&pending);
  ck_assert_int_eq(sigismember(&pending, SIGTERM), 1);
  signal(SIGTERM, SIG_IGN);
  dm_sys_restore_signals(&old);
  sigprocmask(SIG_SETMASK, NULL, &none);
  ck_assert_int_eq(memcmp(&none, &before, sizeof old.mask), 0);
}
END_TEST

/* --------------------------------------------------------------------------
   Failing on purpose. */

START_TEST(each_function_can_fail)
{
  uint32_t id = 0;
  dm_sys_fail_after(1, true);
  ck_assert_ptr_null(dm_sys_map(4096));
  ck_assert_int_eq(dm_sys_open("/dev/null", O_RDONLY, 0), -EMFILE);
  ck_assert_int_eq(dm_sys_write(1, "x", 1), -EIO);
  ck_assert_int_eq(dm_sys_clone_thread(NULL, NULL, NULL, NULL, &id), -EAGAIN);
  dm_sys_fail_after(0, false);
  ck_assert_ptr_nonnull(dm_sys_map(4096));
}
END_TEST

START_TEST(the_nth_call_fails)
{
  for (unsigned nth = 1; nth <= 10; nth++)
    for (int every = 0; every <= 1; every++)
    {
      dm_sys_fail_after(nth, every);
      for (unsigned call = 1; call <= 30; call++)
      {
        void *pages = dm_sys_map(4096);
        bool fails = every ? call >= nth : call == nth;
        ck_assert_msg(!pages == fails, "call %u of %u", call, nth);
        if (pages)
          dm_sys_unmap(pages, 4096);
      }
      dm_sys_fail_after(0, false);
    }
}
END_TEST

enum
{
  THREADS = 8,
  CALLS = 20000
};
static _Atomic unsigned failures, calls;

static void *
call_often(void *unused)
{
  for (unsigned i = 0; i < CALLS; i++)
  {
    failures += dm_sys_must_fail();
    calls++;
  }
  return unused;
}

/* However many threads call, exactly one call fails, or all from then on. */
START_TEST(the_nth_call_of_several_threads_fails)
{
  for (int every = 0; every <= 1; every++)
  {
    failures = calls = 0;
    dm_sys_fail_after(THREADS * CALLS / 2, every);
    pthread_t id[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
      ck_assert_int_eq(pthread_create(&id[i], NULL, call_often, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
      pthread_join(id[i], NULL);
    ck_assert_uint_eq(failures, every ? THREADS * CALLS / 2 + 1 : 1);
    dm_sys_fail_after(0, false);
  }
}
END_TEST

/* --------------------------------------------------------------------------
   A kernel thread of our own. What runs in it is not instrumented: a sanitizer
   keeps its state behind the thread pointer, where this one has nothing. */

static int seen_pid, seen_tid;
static uint32_t thread_id;

__attribute__((no_sanitize("address", "undefined", "thread"))) static int
in_thread(void *arg)
{
  __atomic_store_n((int *) arg, 42, __ATOMIC_SEQ_CST);
  __atomic_store_n(&seen_pid, dm_sys_getpid(), __ATOMIC_SEQ_CST);
  __atomic_store_n(&seen_tid, dm_sys_gettid(), __ATOMIC_SEQ_CST);
  return 0;
}

START_TEST(starts_a_thread)
{
  char *stack = dm_sys_map(65536 + 4096);
  uintptr_t *block = (uintptr_t *) (stack + 65536 + 2048);
  dm_sys_copy_thread_block(block);
  ck_assert_uint_eq(block[0], (uintptr_t) block);
  ck_assert_uint_eq(block[2], (uintptr_t) block);
  int given = 0;
  int id =
      dm_sys_clone_thread(in_thread, stack + 65536, &given, block, &thread_id);
  ck_assert_int_gt(id, 0);
  uint32_t now;
  while ((now = __atomic_load_n(&thread_id, __ATOMIC_SEQ_CST)) != 0)
    dm_sys_futex_wait_shared(&thread_id, now, 10000000);
  while (dm_sys_thread_exists(id))
    dm_sys_yield();
  ck_assert_int_eq(__atomic_load_n(&given, __ATOMIC_SEQ_CST), 42);
  ck_assert_int_eq(__atomic_load_n(&seen_pid, __ATOMIC_SEQ_CST), getpid());
  ck_assert_int_eq(__atomic_load_n(&seen_tid, __ATOMIC_SEQ_CST), id);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {polls_a_pipe,
                                waits_for_a_word,
                                clocks_and_ids,
                                blocks_every_signal,
                                the_nth_call_fails,
                                the_nth_call_of_several_threads_fails,
                                NULL};
  Suite *suite = make_suite("sys", NULL, tests);
  TCase *errnos = tcase_create("errno");
  tcase_add_checked_fixture(errnos, setup, teardown);
  tcase_add_test(errnos, maps_zeroed_pages_and_counts_them);
  tcase_add_test(errnos, reserves_pages_that_count_when_they_are_used);
  tcase_add_test(errnos, refuses_what_the_kernel_refuses);
  tcase_add_test(errnos, what_can_be_read);
  tcase_add_test(errnos, files);
  tcase_add_test(errnos, links_are_always_terminated);
  tcase_add_test(errnos, each_function_can_fail);
  suite_add_tcase(suite, errnos);
  TCase *alone = tcase_create("alone");
  tcase_add_test_raise_signal(alone, a_guard_page_guards, SIGSEGV);
  tcase_add_test(alone, starts_a_thread);
  suite_add_tcase(suite, alone);
  return run_suite(suite);
}
