/* leaves.c -- works for a while, then leaves its stderr and lives on. */

#include "small.h"

int
main(void)
{
  CHECK(malloc(123));
  usleep(300000);
  CHECK(close(2) == 0);
  say("left\n");
  for (;;)
    pause();
}
