/* fake_sys.c -- the real system calls, watched and disturbed by a test. */

#include "fake_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alone.h"
#include "base/sys.h"

const int *fake_writes;
size_t fake_writes_left;
unsigned fake_writes_made;
size_t fake_longest_write;
bool fake_open_refuses;
void (*fake_before_write)(void);
void (*fake_before_poll)(void);

static long
result(long value)
{
  return value < 0 ? -errno : value;
}

int
dm_sys_open(const char *path, int flags, mode_t mode)
{
  if (fake_open_refuses && strncmp(path, "/proc/thread-self/fd/", 21) == 0)
    return -EACCES;
  return (int) result(open(path, flags | O_CLOEXEC, mode));
}

int
dm_sys_close(int fd)
{
  return (int) result(close(fd));
}

int
dm_sys_lock(int fd)
{
  return (int) result(flock(fd, LOCK_EX | LOCK_NB));
}

int
dm_sys_unlock(int fd)
{
  return (int) result(flock(fd, LOCK_UN));
}

ssize_t
dm_sys_write(int fd, const void *buffer, size_t size)
{
  if (fake_before_write)
    fake_before_write();
  if (size > fake_longest_write)
    fake_longest_write = size;
  if (fake_writes_left > 0)
  {
    int what = *fake_writes++;
    fake_writes_left--;
    if (what <= 0)
      return what;
    if (size > (size_t) what)
      size = (size_t) what;
  }
  fake_writes_made++;
  return result(write(fd, buffer, size));
}

int
dm_sys_fstat(int fd, struct stat *status)
{
  return (int) result(fstat(fd, status));
}

ssize_t
dm_sys_readlink(const char *path, char *buffer, size_t size)
{
  ssize_t length = result(readlink(path, buffer, size - 1));
  buffer[length < 0 ? 0 : length] = '\0';
  return length;
}

int
dm_sys_poll_out(int fd, int timeout_ms)
{
  struct pollfd wanted = {.fd = fd, .events = POLLOUT};
  if (fake_before_poll)
    fake_before_poll();
  return (int) result(poll(&wanted, 1, timeout_ms));
}

void
dm_sys_nap(uint64_t nanoseconds)
{
  struct timespec time = {
      .tv_sec = (time_t) (nanoseconds / 1000000000),
      .tv_nsec = (long) (nanoseconds % 1000000000),
  };
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

uint64_t
dm_sys_clock_ns(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

pid_t
dm_sys_getpid(void)
{
  return getpid();
}

pid_t
dm_alone_other(void)
{
  return 0;
}

int
dm_sys_take_descriptor(int fd)
{
  int process = (int) syscall(SYS_pidfd_open, getpid(), 0);
  int taken = (int) result(syscall(SYS_pidfd_getfd, process, fd, 0));
  close(process);
  return taken;
}
