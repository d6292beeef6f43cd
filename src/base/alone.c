/* alone.c -- what is left of a process, for a thread that is not its first. */

#include "base/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/sys.h"
#include "base/sys_x86_64.h"

/* Fields of /proc/PID/stat after the name, which may hold anything: the first
   is the state. */
enum
{
  STATE = 0,
  THREADS = 17,
  EXIT_CODE = 49
};

/* A first thread that has ended is kept, without its memory, until all have.
   So one call gives the usual answer. */
static bool
has_first_thread(void)
{
  char byte = 0, copy;
  struct iovec from = {&byte, 1}, to = {&copy, 1};
  return dm_syscall(SYS_process_vm_readv, dm_sys_getpid(), (long) &to, 1,
                    (long) &from, 1, 0) != -ESRCH;
}

/* Field NUMBER of TEXT, which are parted by single spaces. */
static const char *
field(const char *text, unsigned number)
{
  while (text && number-- > 0)
  {
    text = strchr(text, ' ');
    text = text ? text + 1 : NULL;
  }
  return text ? text : "";
}

static unsigned
number_at(const char *text)
{
  unsigned number = 0;
  for (; *text >= '0' && *text <= '9'; text++)
    number = number * 10 + (unsigned) (*text - '0');
  return number;
}

int
dm_alone_status(void)
{
  char text[1024];
  if (has_first_thread())
    return -1;
  int fd = dm_sys_open("/proc/self/stat", O_RDONLY, 0);
  if (fd < 0)
    return -1;
  ssize_t length = dm_sys_read(fd, text, sizeof text - 1);
  dm_sys_close(fd);
  text[length > 0 ? length : 0] = '\0';
  const char *name_end = strrchr(text, ')');
  const char *fields = name_end ? field(name_end, 1) : "";
  if (*field(fields, STATE) != 'Z' || number_at(field(fields, THREADS)) != 2)
    return -1;
  return (int) (number_at(field(fields, EXIT_CODE)) >> 8 & 0xff);
}

pid_t
dm_alone_other(void)
{
  /* What getdents64(2) gives: two numbers, the entry's length, its kind, and
     the name. */
  enum
  {
    LENGTH = 16,
    NAME = 19
  };
  char entries[1024]; /* room for at least four threads */
  if (has_first_thread())
    return 0;
  int fd = dm_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0)
    return 0;
  long bytes =
      dm_syscall(SYS_getdents64, fd, (long) entries, sizeof entries, 0, 0, 0);
  dm_sys_close(fd);
  pid_t first = dm_sys_getpid(), own = dm_sys_gettid();
  for (long at = 0; at + NAME < bytes;)
  {
    uint16_t length;
    memcpy(&length, entries + at + LENGTH, sizeof length);
    pid_t id = (pid_t) number_at(entries + at + NAME);
    if (id != 0 && id != first && id != own)
      return id;
    at += length;
  }
  return 0;
}
