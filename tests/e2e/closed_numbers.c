/* closed_numbers.c -- closes all descriptors that it does not know, fills the
   numbers with socket pairs and allocates from many new stacks: no byte may
   come out of any. */

#include <poll.h>
#include <sys/socket.h>

#include "small.h"

enum { PAIRS = 100 };

APART static int
deep(int depth, int kind)
{
  if (depth > 0)
    return kind & 1 ? deep(depth - 1, kind / 2) + 1 : deep(depth - 1, kind / 2) + 2;
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
    deep(i % 300, i);
  CHECK(usleep(500000) == 0); /* dumps are made meanwhile */
  for (int i = 0; i < 2 * PAIRS; i++)
    {
      struct pollfd byte = { .fd = pairs[i / 2][i % 2], .events = POLLIN };
      CHECK(poll(&byte, 1, 0) == 0);
    }
  return 0;
}
