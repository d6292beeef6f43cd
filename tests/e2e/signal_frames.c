/* signal_frames.c -- a handler allocates; its call stack goes on through the
   signal's frame to what was interrupted. */

#include <signal.h>

#include "small.h"

APART static void
from_handler(void)
{
  CHECK(malloc(321));
}

APART static void
handler(int signal)
{
  (void) signal;
  from_handler();
  __asm__ volatile("");
}

APART static void
interrupted(void)
{
  raise(SIGUSR2);
  __asm__ volatile("");
}

int
main(void)
{
  struct sigaction action = { .sa_handler = handler };
  CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
  interrupted();
  return 0;
}
