/* own_handler.c -- SIGUSR1 belongs to this program. */

#include <signal.h>

#include "small.h"

static volatile sig_atomic_t seen;

static void
handler(int signal)
{
  (void) signal;
  seen++;
}

int
main(void)
{
  struct sigaction action = { .sa_handler = handler };
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  CHECK(malloc(10));
  raise(SIGUSR1);
  usleep(200 * 1000);
  say("seen %d\n", (int) seen);
  return 0;
}
