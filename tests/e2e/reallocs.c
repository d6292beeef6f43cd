/* reallocs.c -- each way that a realloc can go, and says which it was. */

#include "small.h"

static volatile size_t huge = PTRDIFF_MAX;

APART void *
make(size_t size)
{
  return malloc(size);
}

APART void *
make_shrunk(void)
{
  return malloc(3000);
}

APART void *
make_failing(void)
{
  return malloc(77);
}

APART void *
move(void *block)
{
  return realloc(block, 20000);
}

int
main(void)
{
  /* In place: glibc shrinks where the block stands. */
  char *shrunk = make_shrunk();
  memset(shrunk, 's', 3000);
  CHECK(realloc(shrunk, 1000) == shrunk);
  CHECK(realloc(shrunk, 1010) == shrunk);

  /* Moved: a neighbour stands in the way. */
  char *moving = make(2000);
  char *neighbour = make(2000);
  CHECK(moving && neighbour);
  memset(moving, 'm', 2000);
  char *moved = move(moving);
  CHECK(moved && moved != moving);
  for (int i = 0; i < 2000; i++)
    CHECK(moved[i] == 'm');

  /* Failed: the block stays as it was. */
  char *failing = make_failing();
  memset(failing, 'f', 77);
  errno = 0;
  CHECK(realloc(failing, huge) == NULL && errno == ENOMEM);
  for (int i = 0; i < 77; i++)
    CHECK(failing[i] == 'f');
  return 0;
}
