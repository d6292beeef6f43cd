/* sys.c -- the system calls that dmalloc makes, without libc. */

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/sys_x86_64.h"

static _Atomic size_t mapped_bytes;

/* Writes that raised SIGPIPE or SIGXFSZ, in whatever thread. */
static _Atomic unsigned signals_raised;

/* Fault injection: how many more calls succeed, and whether all after fail. */
static _Atomic unsigned fail_countdown;
static _Atomic bool fail_for_ever;

void
dm_sys_fail_after(unsigned n, bool every)
{
  atomic_store(&fail_for_ever, every);
  atomic_store(&fail_countdown, n);
}

bool
dm_sys_must_fail(void)
{
  unsigned left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
  if (__builtin_expect(left == 0, 1))
    return false;
  do
    if (left == 0 || (left == 1 && atomic_load(&fail_for_ever)))
      return left == 1;
  while (!atomic_compare_exchange_weak(&fail_countdown, &left, left - 1));
  return left == 1;
}

static size_t
whole_pages(size_t length)
{
  return (length + 4095) & ~(size_t) 4095;
}

static void *
map_pages(size_t length)
{
  if (dm_sys_must_fail())
    return NULL;
  long result = dm_syscall(SYS_mmap, 0, (long) length, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return result < 0 && result > -4096 ? NULL : (void *) result;
}

void *
dm_sys_map(size_t length)
{
  length = whole_pages(length);
  void *pages = map_pages(length);
  if (pages)
    dm_sys_use(length);
  return pages;
}

void *
dm_sys_reserve(size_t length)
{
  length = whole_pages(length);
  void *pages = map_pages(length);
  if (!pages)
    return NULL;
  /* A kernel without huge pages refuses the first: all is well then. The others
     do nothing unless all memory is locked as it is mapped. */
  long start = (long) pages, size = (long) length;
  dm_syscall(SYS_madvise, start, size, MADV_NOHUGEPAGE, 0, 0, 0);
  dm_syscall(SYS_munlock, start, size, 0, 0, 0, 0);
  dm_syscall(SYS_madvise, start, size, MADV_DONTNEED, 0, 0, 0);
  return pages;
}

void
dm_sys_unreserve(void *start, size_t length)
{
  dm_syscall(SYS_munmap, (long) start, (long) whole_pages(length), 0, 0, 0, 0);
}

void
dm_sys_use(size_t length)
{
  atomic_fetch_add_explicit(&mapped_bytes, length, memory_order_relaxed);
}

void
dm_sys_unmap(void *start, size_t length)
{
  length = whole_pages(length);
  if (dm_syscall(SYS_munmap, (long) start, (long) length, 0, 0, 0, 0) == 0)
    atomic_fetch_sub_explicit(&mapped_bytes, length, memory_order_relaxed);
}

size_t
dm_sys_mapped_bytes(void)
{
  return atomic_load_explicit(&mapped_bytes, memory_order_relaxed);
}

int
dm_sys_protect_none(void *start, size_t length)
{
  return (int) dm_syscall(SYS_mprotect, (long) start,
                          (long) whole_pages(length), PROT_NONE, 0, 0, 0);
}

bool
dm_sys_can_read(const void *address)
{
  enum
  {
    NO_WAY = -1 /* neither SIG_BLOCK, SIG_UNBLOCK nor SIG_SETMASK */
  };
  return dm_syscall(SYS_rt_sigprocmask, NO_WAY, (long) address, 0,
                    sizeof(uint64_t), 0, 0) == -EINVAL;
}

int
dm_sys_wipe_on_fork(void *start, size_t length)
{
  return (int) dm_syscall(SYS_madvise, (long) start, (long) length,
                          MADV_WIPEONFORK, 0, 0, 0);
}

int
dm_sys_open(const char *path, int flags, mode_t mode)
{
  if (dm_sys_must_fail())
    return -EMFILE;
  return (int) dm_syscall(SYS_openat, AT_FDCWD, (long) path, flags | O_CLOEXEC,
                          (long) mode, 0, 0);
}

int
dm_sys_close(int fd)
{
  return (int) dm_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

int
dm_sys_lock(int fd)
{
  return (int) dm_syscall(SYS_flock, fd, LOCK_EX | LOCK_NB, 0, 0, 0, 0);
}

int
dm_sys_unlock(int fd)
{
  return (int) dm_syscall(SYS_flock, fd, LOCK_UN, 0, 0, 0, 0);
}

ssize_t
dm_sys_read(int fd, void *buffer, size_t size)
{
  return dm_syscall(SYS_read, fd, (long) buffer, (long) size, 0, 0, 0);
}

ssize_t
dm_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
  return dm_syscall(SYS_pread64, fd, (long) buffer, (long) size, (long) offset,
                    0, 0);
}

ssize_t
dm_sys_write(int fd, const void *buffer, size_t size)
{
  if (dm_sys_must_fail())
    return -EIO;
  ssize_t result =
      dm_syscall(SYS_write, fd, (long) buffer, (long) size, 0, 0, 0);
  if (result == -EPIPE || result == -EFBIG)
    atomic_fetch_add(&signals_raised, 1);
  return result;
}

int
dm_sys_fstat(int fd, struct stat *status)
{
  return (int) dm_syscall(SYS_fstat, fd, (long) status, 0, 0, 0, 0);
}

ssize_t
dm_sys_readlink(const char *path, char *buffer, size_t size)
{
  long length = dm_syscall(SYS_readlink, (long) path, (long) buffer,
                           (long) size - 1, 0, 0, 0);
  buffer[length < 0 ? 0 : length] = '\0';
  return length;
}

int
dm_sys_poll_out(int fd, int timeout_ms)
{
  struct pollfd wanted = {.fd = fd, .events = POLLOUT};
  return (int) dm_syscall(SYS_poll, (long) &wanted, 1, timeout_ms, 0, 0, 0);
}

int
dm_sys_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
  struct timespec deadline = {
      .tv_sec = (time_t) (deadline_ns / 1000000000),
      .tv_nsec = (long) (deadline_ns % 1000000000),
  };
  return (int) dm_syscall(SYS_futex, (long) word,
                          FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
                          deadline_ns == UINT64_MAX ? 0 : (long) &deadline, 0,
                          (long) FUTEX_BITSET_MATCH_ANY);
}

void
dm_sys_futex_wake(uint32_t *word)
{
  dm_syscall(SYS_futex, (long) word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX,
             0, 0, 0);
}

uint64_t
dm_sys_clock_ns(clockid_t clock)
{
  struct timespec now = {0};
  dm_syscall(SYS_clock_gettime, clock, (long) &now, 0, 0, 0, 0);
  return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

void
dm_sys_nap(uint64_t nanoseconds)
{
  uint32_t word = 0;
  dm_sys_futex_wait(&word, 0, dm_sys_clock_ns(CLOCK_MONOTONIC) + nanoseconds);
}

int
dm_sys_futex_wait_shared(uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
  struct timespec timeout = {
      .tv_sec = (time_t) (timeout_ns / 1000000000),
      .tv_nsec = (long) (timeout_ns % 1000000000),
  };
  return (int) dm_syscall(SYS_futex, (long) word, FUTEX_WAIT, value,
                          (long) &timeout, 0, 0);
}

bool
dm_sys_thread_exists(pid_t id)
{
  return dm_syscall(SYS_tgkill, dm_sys_getpid(), id, 0, 0, 0, 0) != -ESRCH;
}

void
dm_sys_yield(void)
{
  dm_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

/* There in a program that was built with the thread sanitizer. Its functions
   stand before libc's, clone among them, and know no thread but their own. */
extern void __tsan_init(void) __attribute__((weak, visibility("default")));

int
dm_sys_clone_thread(int (*function)(void *), void *stack_top, void *arg,
                    void *thread_block, uint32_t *id)
{
  if (__tsan_init || dm_sys_must_fail())
    return -EAGAIN;
  int saved_errno = errno;
  int result = clone(function, stack_top,
                     CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                         CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                         CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                     arg, id, thread_block, id);
  result = result < 0 ? -errno : result;
  errno = saved_errno;
  return result;
}

void
dm_sys_copy_thread_block(uintptr_t *block)
{
  /* x86-64 ABI: the first and third word point to the block itself; glibc
     keeps its stack canary and its pointer guard in the sixth and seventh. */
  const uintptr_t *own = __builtin_thread_pointer();
  block[0] = (uintptr_t) block;
  block[2] = (uintptr_t) block;
  block[5] = own[5];
  block[6] = own[6];
}

int
dm_sys_own_table(void)
{
  return (int) dm_syscall(SYS_close_range, 0, UINT32_MAX, CLOSE_RANGE_UNSHARE,
                          0, 0, 0);
}

int
dm_sys_take_descriptor(int fd)
{
  long process = dm_syscall(SYS_pidfd_open, dm_sys_getpid(), 0, 0, 0, 0, 0);
  if (process < 0)
    return (int) process;
  long taken = dm_syscall(SYS_pidfd_getfd, process, fd, 0, 0, 0, 0);
  dm_sys_close((int) process);
  return (int) taken;
}

void
dm_sys_name_thread(const char *name)
{
  dm_syscall(SYS_prctl, PR_SET_NAME, (long) name, 0, 0, 0, 0);
}

void
dm_sys_drop_privileges(void)
{
  struct __user_cap_header_struct header = {.version =
                                                _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  dm_syscall(SYS_capset, (long) &header, (long) none, 0, 0, 0, 0);
  dm_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
}

void
dm_sys_leave_real_time(void)
{
  struct sched_param none = {.sched_priority = 0};
  long policy = dm_syscall(SYS_sched_getscheduler, 0, 0, 0, 0, 0, 0);
  if (policy == SCHED_FIFO || policy == SCHED_RR)
    dm_syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, (long) &none, 0, 0, 0);
}

pid_t
dm_sys_getpid(void)
{
  return (pid_t) dm_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

pid_t
dm_sys_gettid(void)
{
  return (pid_t) dm_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static const uint64_t raised_by_writes =
    UINT64_C(1) << (SIGPIPE - 1) | UINT64_C(1) << (SIGXFSZ - 1);

uint64_t
dm_sys_hold_signals(void)
{
  uint64_t all = UINT64_MAX, former = 0;
  dm_syscall(SYS_rt_sigprocmask, SIG_BLOCK, (long) &all, (long) &former,
             sizeof all, 0, 0);
  return former;
}

void
dm_sys_release_signals(uint64_t former)
{
  dm_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long) &former, 0, sizeof former,
             0, 0);
}

/* Asks the kernel for no more than it must: a sandboxed program may be killed
   for a call that it does not make itself. */
void
dm_sys_block_signals(struct dm_signals *before)
{
  before->mask = dm_sys_hold_signals();
  before->raised = atomic_load(&signals_raised);
  /* What was not blocked cannot have been pending. */
  before->pending = 0;
  if (before->mask & raised_by_writes)
    dm_syscall(SYS_rt_sigpending, (long) &before->pending,
               sizeof before->pending, 0, 0, 0, 0);
}

void
dm_sys_restore_signals(const struct dm_signals *before)
{
  uint64_t raised = raised_by_writes & ~before->pending;
  struct timespec at_once = {0, 0};
  if (atomic_load(&signals_raised) != before->raised && raised)
    dm_syscall(SYS_rt_sigtimedwait, (long) &raised, 0, (long) &at_once,
               sizeof raised, 0, 0);
  dm_sys_release_signals(before->mask);
}

/* The one signal that is ever caught, and its handler. */
static int caught_number;
static void (*caught_by)(int, siginfo_t *, void *);

int
dm_sys_catch_signal(int number, void (*handler)(int, siginfo_t *, void *))
{
  struct sigaction action;
  if (sigaction(number, NULL, &action) < 0)
    return -errno;
  if (action.sa_flags & SA_SIGINFO || action.sa_handler != SIG_DFL)
    return -EBUSY;
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  /* Known before it stands there, so that it is never seen. */
  caught_number = number;
  caught_by = handler;
  return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

bool
dm_sys_is_catcher(void (*handler)(int))
{
  return caught_by && (uintptr_t) handler == (uintptr_t) caught_by;
}

bool
dm_sys_signal_is_caught(int number)
{
  if (number != caught_number)
    return false;
  /* The kernel's own struct begins with the handler; the rest is flags,
     restorer and mask. */
  struct
  {
    void (*handler)(int);
    unsigned long rest[3];
  } now = {0};
  dm_syscall(SYS_rt_sigaction, number, 0, (long) &now, sizeof(uint64_t), 0, 0);
  return dm_sys_is_catcher(now.handler);
}
