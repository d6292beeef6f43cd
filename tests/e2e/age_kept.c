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

/* What stands behind a block keeps it from growing in its place. Large, so that
   no smaller hole further down takes it. */
APART void *
make_neighbour(void)
{
  return malloc(3000);
}

int
main(void)
{
  char *kept = make_kept();
  char *moving = make_moved();
  CHECK(kept && moving && make_neighbour());
  sleep(11);
  CHECK(realloc(kept, 1000) == kept);
  CHECK(move(moving) != moving);
  return 0;
}
