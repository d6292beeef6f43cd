/* ages.c -- 100 blocks of 1,000 bytes, 12 seconds later 50 more, and 2 seconds
   after that it is asked. */

#include "small.h"

APART void
first_batch(void)
{
  for (int i = 0; i < 100; i++)
    CHECK(malloc(1000));
}

APART void
second_batch(void)
{
  for (int i = 0; i < 50; i++)
    CHECK(malloc(1000));
}

int
main(void)
{
  first_batch();
  sleep(12);
  second_batch();
  sleep(2);
  say("ask\n");
  for (;;)
    pause();
}
