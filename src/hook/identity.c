/* identity.c -- the exported calls that change who the process is. */

#include "hook/identity.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

void (*dm_identity_before)(void);
void (*dm_identity_after)(void);

struct away
{
  bool begun;
  sigset_t former;
};

/* No handler of the program's comes before the end, for it may jump away, and
   nobody would start the reporter again. But for those of a thread's own
   faults, which must not be blocked when they come; a filter's SIGSYS is one.
 */
static void
hold_signals(sigset_t *former)
{
  static const int faults[] = {SIGSYS, SIGSEGV, SIGBUS,
                               SIGILL, SIGFPE,  SIGTRAP};
  sigset_t held;
  sigfillset(&held); /* but the C library's own */
  for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
    sigdelset(&held, faults[i]);
  pthread_sigmask(SIG_BLOCK, &held, former);
}

static void
begin(struct away *away)
{
  away->begun = dm_identity_before != NULL;
  if (!away->begun)
    return;
  hold_signals(&away->former);
  dm_identity_before();
}

/* The call's errno is the program's to see. */
static void
end(const struct away *away)
{
  int saved_errno = errno;
  if (!away->begun)
    return;
  dm_identity_after();
  pthread_sigmask(SIG_SETMASK, &away->former, NULL);
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
    struct away away;                                                          \
    begin(&away);                                                              \
    int result = next arguments;                                               \
    end(&away);                                                                \
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
