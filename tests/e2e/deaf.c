/* deaf.c -- blocks or ignores every signal and waits; "block" or "ignore". */

#include <signal.h>

#include "small.h"

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  sigset_t all;
  sigfillset(&all);
  if (strcmp(argv[1], "block") == 0)
    CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
  else
    for (int number = 1; number < NSIG; number++)
      signal(number, SIG_IGN);
  CHECK(malloc(123));
  say("deaf\n");
  for (;;)
    sleep(60);
}
