/* idle.c -- one malloc, then nothing. */

#include "small.h"

int
main(void)
{
  CHECK(malloc(123));
  say("idle\n");
  for (;;)
    pause();
}
