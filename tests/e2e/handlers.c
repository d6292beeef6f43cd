/* handlers.c -- a timer's handler allocates, wherever it falls, on the stack of
   main or, with an argument, on an alternate one that is a variable of main's.
   The allocator behind must not mind: plugins/bump.so. */

#include <signal.h>
#include <sys/time.h>

#include "deep.h"

enum { HANDLED = 1000 };

static volatile sig_atomic_t handled;

APART static int
leaf(unsigned kind)
{
  free(malloc(kind % 50));
  return 0;
}

static void
handler(int signal)
{
  (void) signal;
  deep(3, (unsigned) handled++, leaf);
}

int
main(int argc, char **argv)
{
  (void) argv;
  static volatile unsigned i;
  char memory[65536];
  stack_t alternate = { .ss_sp = memory, .ss_size = sizeof memory };
  if (argc > 1)
    CHECK(sigaltstack(&alternate, NULL) == 0);
  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval often = { { 0, 900 }, { 0, 900 } }, never = { { 0, 0 }, { 0, 0 } };
  CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
  while (handled < HANDLED)
    {
      unsigned next = i++;
      deep(next % 20, next * 2654435761u, leaf);
    }
  CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
  return 0;
}
