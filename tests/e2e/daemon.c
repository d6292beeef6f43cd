/* daemon.c -- started by root, goes on as user 33, and idles. */

#include <grp.h>

#include "small.h"

int
main(void)
{
  CHECK(malloc(55));
  CHECK(setgroups(0, NULL) == 0 && setgid(33) == 0 && setuid(33) == 0);
  say("idle\n");
  for (;;)
    pause();
}
