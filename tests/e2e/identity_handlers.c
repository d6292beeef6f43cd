/* identity_handlers.c -- a signal handler that comes while its thread changes
   who the process is: to what it is already. Argument: what the handler does.

   nested: it changes that itself
   exit: it ends the process, with status 3
   jump: it jumps away */

#include <setjmp.h>
#include <signal.h>
#include <time.h>

#include "small.h"

enum
{
  TIMES = 300
};

static sigjmp_buf out;
static volatile sig_atomic_t times;

static void
nested(int signal)
{
  (void) signal;
  CHECK(setuid(getuid()) == 0);
  times++;
}

static void
end(int signal)
{
  (void) signal;
  exit(3);
}

static void
jump(int signal)
{
  (void) signal;
  times++;
  siglongjmp(out, 1);
}

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  alarm(60); /* who hangs is killed, and so seen */
  void (*handler)(int) = argv[1][0] == 'n' ? nested : argv[1][0] == 'e' ? end : jump;
  struct sigaction action = { .sa_handler = handler };
  struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
  struct itimerspec often = { { 0, 777000 }, { 0, 777000 } };
  timer_t timer;
  CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  if (sigsetjmp(out, 1) == 0)
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
  while (times < TIMES)
    CHECK(setgid(getgid()) == 0);
  CHECK(timer_delete(timer) == 0);
  alarm(0);
  say("through\n");
  for (;;)
    pause();
}
