/* signal_storm.c -- a timer's handler allocates and frees while the program
   does the same: the books must balance. */

#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "small.h"

/* Allocating in a handler is safe only where the allocator is not being
   interrupted, so the program lets the signal in between its own calls; but
   our hook may not rely on that being all it sees. */
static atomic_int ticks;

static void
tick(int signal)
{
  (void) signal;
  free(malloc(64));
  ticks++;
}

int
main(void)
{
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  CHECK(sigprocmask(SIG_BLOCK, &alarm, NULL) == 0);
  signal(SIGALRM, tick);
  struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
  CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
  while (ticks < 500)
    {
      void *block = malloc(32);
      sigprocmask(SIG_UNBLOCK, &alarm, NULL);
      for (volatile int i = 0; i < 1000; i++)
        ;
      sigprocmask(SIG_BLOCK, &alarm, NULL);
      free(block);
    }
  return 0;
}
