/* barrier.c -- one thread makes all others execute a memory barrier. */

#include "base/barrier.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/sys.h"
#include "base/sys_x86_64.h"

/* What /proc says of a thread's system call filters. */
struct filters
{
  unsigned mode;  /* SECCOMP_MODE_... */
  unsigned count; /* 0 also where the kernel does not say (before 5.9) */
};

static bool prepared;
static struct filters at_start;

static unsigned
read_number(const char *text, const char *name)
{
  const char *at = strstr(text, name);
  unsigned number = 0;
  if (at)
    for (at += strlen(name); *at >= '0' && *at <= '9'; at++)
      number = number * 10 + (unsigned) (*at - '0');
  return number;
}

/* The filters of the calling thread. Returns false when nobody says. */
static bool
read_filters(struct filters *filters)
{
  char text[4096];
  int fd = dm_sys_open("/proc/thread-self/status", O_RDONLY, 0);
  if (fd < 0)
    return false;
  ssize_t length = dm_sys_read(fd, text, sizeof text - 1);
  dm_sys_close(fd);
  text[length > 0 ? length : 0] = '\0';
  filters->mode = read_number(text, "\nSeccomp:\t");
  filters->count = read_number(text, "\nSeccomp_filters:\t");
  return strstr(text, "\nSeccomp:\t") != NULL;
}

/* Whether no filter came since the start. Filters are never taken away, so the
   same count means the same filters; where they are not counted, there must be
   none at all. */
static bool
is_as_free_as_then(void)
{
  struct filters now;
  return read_filters(&now) && now.count == at_start.count &&
         (now.mode == SECCOMP_MODE_DISABLED || now.count != 0);
}

static bool
issue(int command)
{
  return !dm_sys_must_fail() &&
         dm_syscall(SYS_membarrier, command, 0, 0, 0, 0, 0) == 0;
}

bool
dm_barrier_init(void)
{
  /* Almost always there is no filter, and this one call says so. */
  long mode = dm_syscall(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0, 0);
  if (mode != SECCOMP_MODE_DISABLED && !read_filters(&at_start))
    return false;
  prepared = issue(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  return prepared;
}

bool
dm_barrier(void)
{
  return prepared && is_as_free_as_then() &&
         issue(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
