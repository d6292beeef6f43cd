/* actions.c -- says what it finds and sets as the action of SIGUSR1, in every
   way that there is. Argument: reset, set or look. */

#include <signal.h>

#include "small.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

sighandler_t bsd_signal(int number, sighandler_t handler);

static volatile sig_atomic_t seen;

static void
handler(int number)
{
  (void) number;
  seen++;
}

static const char *
name(sighandler_t what)
{
  return what == SIG_DFL   ? "default"
         : what == SIG_IGN ? "ignored"
         : what == SIG_ERR ? "error"
         : what == handler ? "own"
                           : "strange";
}

static void
look(int number)
{
  struct sigaction action = {.sa_flags = -1};
  sigfillset(&action.sa_mask);
  CHECK(sigaction(number, NULL, &action) == 0);
  if (action.sa_handler == SIG_DFL)
    CHECK(action.sa_flags == 0 && sigisemptyset(&action.sa_mask));
  say("%d %s %d\n", number, name(action.sa_handler),
      action.sa_flags & ~0x04000000); /* without the C library's restorer */
}

static void
set(void)
{
  static sighandler_t (*const ways[])(int, sighandler_t) = {
      signal, bsd_signal, ssignal, sysv_signal, __sysv_signal, sigset};
  /* Saved, set, used, restored: as libraries do it around a call. */
  struct sigaction own = {.sa_handler = handler}, former;
  CHECK(sigaction(SIGUSR1, &own, &former) == 0);
  say("former %s\n", name(former.sa_handler));
  raise(SIGUSR1);
  CHECK(sigaction(SIGUSR1, &former, &own) == 0);
  say("own %s, seen %d\n", name(own.sa_handler), (int) seen);
  for (int i = 0; i < 6; i++)
  {
    say("%s", name(ways[i](SIGUSR1, SIG_IGN)));
    raise(SIGUSR1);
    say(" %s", name(ways[i](SIGUSR1, handler)));
    raise(SIGUSR1);
    say(" %s %d\n", name(ways[i](SIGUSR1, SIG_DFL)), (int) seen);
  }
  raise(SIGUSR1); /* the default, as this program knows it */
}

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  if (argv[1][0] == 's')
    set();
  /* As a daemon does when it starts. */
  for (int i = 1; i < NSIG && argv[1][0] == 'r'; i++)
    say("%d %s %s\n", i, name(signal(i, SIG_DFL)), name(sigset(i, SIG_DFL)));
  for (int i = 1; i < NSIG && argv[1][0] == 'l'; i++)
    if (i < 32 || i > 33) /* the C library's own */
      look(i);
  CHECK(malloc(123));
  say("end\n");
  for (;;)
    pause(); /* a request ends it, as every handler does */
}
