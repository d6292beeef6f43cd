/* closed_numbers.c -- closes all descriptors that it does not know, fills the
   numbers with socket pairs and allocates from many new stacks: no byte may
   come out of any. */

#include <poll.h>
#include <sys/socket.h>

#include "deep.h"

enum { PAIRS = 100 };

APART static int
leaf(unsigned kind)
{
  (void) kind;
  free(malloc(100));
  return 0;
}

int
main(void)
{
  int pairs[PAIRS][2];
  closefrom(3);
  for (int i = 0; i < PAIRS; i++)
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) == 0);
  for (int i = 0; i < 3000; i++)
    deep(i % 300, i, leaf);
  CHECK(usleep(500000) == 0); /* dumps are made meanwhile */
  for (int i = 0; i < 2 * PAIRS; i++)
    {
      struct pollfd byte = { .fd = pairs[i / 2][i % 2], .events = POLLIN };
      CHECK(poll(&byte, 1, 0) == 0);
    }
  return 0;
}
