/* jumps.c -- a signal handler jumps out of malloc and free, 2,000 times. The
   allocator behind must not mind: plugins/bump.so. */

#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include "deep.h"

static sigjmp_buf out;
static volatile sig_atomic_t jumps;

static void
jump(int signal)
{
  (void) signal;
  jumps++;
  siglongjmp(out, 1);
}

APART static int
leaf(unsigned kind)
{
  free(realloc(malloc(kind % 500), kind % 700 + 1));
  return 0;
}

int
main(void)
{
  struct sigaction action = { .sa_handler = jump };
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval often = { { 0, 400 }, { 0, 400 } }, never = { { 0, 0 }, { 0, 0 } };
  volatile unsigned i = 0;
  sigsetjmp(out, 1);
  if (jumps == 0)
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
  while (jumps < 2000)
    {
      unsigned next = i++;
      deep(next % 40, next * 2654435761u, leaf);
    }
  CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
  return 0;
}
