/* age_kept.c -- a realloc in place keeps the block's birth; a moved one begins
   a new life. */

#include "small.h"

APART void *
make_kept(void)
{
  return malloc(3000);
}

APART void *
make_moved(void)
{
  return malloc(2000);
}

APART void *
move(void *block)
{
  return realloc(block, 40000);
}

int
main(void)
{
  char *kept = make_kept();
  char *moving = make_moved();
  CHECK(kept && moving && malloc(16));
  sleep(11);
  CHECK(realloc(kept, 1000) == kept);
  CHECK(move(moving) != moving);
  return 0;
}
