/* dispositions.c -- the exported calls that set a signal's action and tell the
   former one.

   glibc has several, and none of them comes through an exported sigaction: each
   calls one inside the C library. sigignore needs nothing here, for it sets an
   action of the program's own and tells no former one. */

#include "hook/dispositions.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>

#include "base/sys.h"

#define EXPORT __attribute__((visibility("default")))

/* Not declared for every program. */
sighandler_t bsd_signal(int number, sighandler_t handler) __THROW;

typedef sighandler_t (*handler_call)(int number, sighandler_t handler);

static handler_call next_signal, next_sysv_signal, next_sigset;
static int (*next_siginterrupt)(int number, int interrupt);
static int (*next_sigaction)(int number, const struct sigaction *action,
                             struct sigaction *former);

/* sigaction stands last: when it is found, all are. */
static const struct
{
  char name[16];
  void *place;
} wanted[] = {
    {"signal", &next_signal},       {"sysv_signal", &next_sysv_signal},
    {"sigset", &next_sigset},       {"siginterrupt", &next_siginterrupt},
    {"sigaction", &next_sigaction},
};

void
dm_dispositions_init(void)
{
  for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
  {
    void *found = dlsym(RTLD_NEXT, wanted[i].name);
    memcpy(wanted[i].place, &found, sizeof found);
  }
}

static void
get_ready(void)
{
  if (__builtin_expect(!next_sigaction, 0))
    dm_dispositions_init();
}

/* Whether the program sets the default where ours stands: it believes that to
   be there already. */
static bool
is_there_already(int number, sighandler_t handler)
{
  return handler == SIG_DFL && dm_sys_signal_is_caught(number);
}

EXPORT int
sigaction(int number, const struct sigaction *action, struct sigaction *former)
{
  get_ready();
  /* The number first: for a wrong one the C library does not look at the
     action either. */
  if (action && dm_sys_signal_is_caught(number) &&
      action->sa_handler == SIG_DFL)
    action = NULL;
  int result = next_sigaction(number, action, former);
  if (result == 0 && former && dm_sys_is_catcher(former->sa_handler))
    memset(former, 0, sizeof *former);
  return result;
}

static sighandler_t
set_handler(const handler_call *next, int number, sighandler_t handler)
{
  get_ready();
  if (is_there_already(number, handler))
    return SIG_DFL;
  sighandler_t former = (*next)(number, handler);
  return dm_sys_is_catcher(former) ? SIG_DFL : former;
}

EXPORT sighandler_t
signal(int number, sighandler_t handler)
{
  return set_handler(&next_signal, number, handler);
}

EXPORT sighandler_t
sysv_signal(int number, sighandler_t handler)
{
  return set_handler(&next_sysv_signal, number, handler);
}

/* As in the C library, one function has several names. */
#define ALSO(function) EXPORT __attribute__((alias(#function)))
ALSO(signal) sighandler_t bsd_signal(int number, sighandler_t handler);
ALSO(signal) sighandler_t ssignal(int number, sighandler_t handler);
ALSO(sysv_signal) sighandler_t __sysv_signal(int number, sighandler_t handler);

/* It also unblocks the signal, and tells whether it was blocked. */
static sighandler_t
unblock(int number)
{
  sigset_t one, former;
  sigemptyset(&one);
  sigaddset(&one, number);
  if (sigprocmask(SIG_UNBLOCK, &one, &former) < 0)
    return SIG_ERR;
  return sigismember(&former, number) ? SIG_HOLD : SIG_DFL;
}

EXPORT sighandler_t
sigset(int number, sighandler_t handler)
{
  if (is_there_already(number, handler))
    return unblock(number);
  return set_handler(&next_sigset, number, handler);
}

/* The C library takes the action that it finds and changes a flag of it. Ours
   keeps its flags: a dump on request interrupts no call. */
EXPORT int
siginterrupt(int number, int interrupt)
{
  get_ready();
  int result = next_siginterrupt(number, interrupt);
  struct sigaction action;
  if (!dm_sys_signal_is_caught(number) ||
      next_sigaction(number, NULL, &action) < 0 ||
      !dm_sys_is_catcher(action.sa_handler))
    return result;
  action.sa_flags |= SA_RESTART;
  next_sigaction(number, &action, NULL);
  return result;
}
