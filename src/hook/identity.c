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

/* What becomes of the program's signals meanwhile. A handler may jump away, and
   nobody would start the reporter again; but a call that looks something up in
   a network must stay open to an alarm. */
enum signals
{
  HELD,
  OPEN
};

/* Those of a thread's own faults must not be blocked when they come; a filter's
   SIGSYS is one. */
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
begin(struct away *away, enum signals signals)
{
  away->begun = dm_identity_before != NULL;
  if (!away->begun)
    return;
  if (signals == HELD)
    hold_signals(&away->former);
  else
    pthread_sigmask(SIG_BLOCK, NULL, &away->former);
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

/* CALL(NAME, SIGNALS, PARAMETERS, ARGUMENTS) for each function NAME of
   PARAMETERS, which all return int. */
#define CALLS(CALL)                                                            \
  CALL(setuid, HELD, (uid_t uid), (uid))                                       \
  CALL(seteuid, HELD, (uid_t uid), (uid))                                      \
  CALL(setreuid, HELD, (uid_t real, uid_t effective), (real, effective))       \
  CALL(setresuid, HELD, (uid_t real, uid_t effective, uid_t saved),            \
       (real, effective, saved))                                               \
  CALL(setgid, HELD, (gid_t gid), (gid))                                       \
  CALL(setegid, HELD, (gid_t gid), (gid))                                      \
  CALL(setregid, HELD, (gid_t real, gid_t effective), (real, effective))       \
  CALL(setresgid, HELD, (gid_t real, gid_t effective, gid_t saved),            \
       (real, effective, saved))                                               \
  CALL(setgroups, HELD, (size_t count, const gid_t *groups), (count, groups))  \
  CALL(initgroups, OPEN, (const char *user, gid_t group), (user, group))       \
  CALL(unshare, HELD, (int flags), (flags))                                    \
  CALL(setns, HELD, (int fd, int type), (fd, type))

#define DECLARE(name, signals, parameters, arguments)                          \
  static int(*next_##name) parameters;
#define FIND(name, signals, parameters, arguments)                             \
  found = dlsym(RTLD_NEXT, #name);                                             \
  memcpy(&next_##name, &found, sizeof found);
#define DEFINE(name, signals, parameters, arguments)                           \
  EXPORT int name parameters                                                   \
  {                                                                            \
    struct away away;                                                          \
    get_ready();                                                               \
    begin(&away, signals);                                                     \
    int result = next_##name arguments;                                        \
    end(&away);                                                                \
    return result;                                                             \
  }

CALLS(DECLARE)

void
dm_identity_init(void)
{
  void *found;
  CALLS(FIND)
}

static void
get_ready(void)
{
  /* The last one: when it is found, all are. */
  if (__builtin_expect(!next_setns, 0))
    dm_identity_init();
}

CALLS(DEFINE)
