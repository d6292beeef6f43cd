/* identity.c -- the exported calls that change who the process is. */

#include "hook/identity.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

void (*dm_identity_before)(void);
void (*dm_identity_after)(void);

static void
before(void)
{
  if (dm_identity_before)
    dm_identity_before();
}

/* The call's errno is the program's to see. */
static void
after(void)
{
  int saved_errno = errno;
  if (dm_identity_after)
    dm_identity_after();
  errno = saved_errno;
}

/* Defines NAME, a function of PARAMETERS that returns int: the next one of
   that name is called with ARGUMENTS. It is looked up at the first call, so
   that programs which never call it do not pay for it. */
#define AROUND(name, parameters, arguments)                                    \
  EXPORT int name parameters                                                   \
  {                                                                            \
    static int(*next) parameters;                                              \
    if (!next)                                                                 \
    {                                                                          \
      void *found = dlsym(RTLD_NEXT, #name);                                   \
      memcpy(&next, &found, sizeof found);                                     \
    }                                                                          \
    before();                                                                  \
    int result = next arguments;                                               \
    after();                                                                   \
    return result;                                                             \
  }

AROUND(setuid, (uid_t uid), (uid))
AROUND(seteuid, (uid_t uid), (uid))
AROUND(setreuid, (uid_t real, uid_t effective), (real, effective))
AROUND(setresuid, (uid_t real, uid_t effective, uid_t saved),
       (real, effective, saved))
AROUND(setgid, (gid_t gid), (gid))
AROUND(setegid, (gid_t gid), (gid))
AROUND(setregid, (gid_t real, gid_t effective), (real, effective))
AROUND(setresgid, (gid_t real, gid_t effective, gid_t saved),
       (real, effective, saved))
AROUND(setgroups, (size_t count, const gid_t *groups), (count, groups))
AROUND(unshare, (int flags), (flags))
AROUND(setns, (int fd, int type), (fd, type))
