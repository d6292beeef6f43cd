/* stderr_reused.c -- closes stderr, and its descriptor becomes a file's. */

#include <fcntl.h>
#include <signal.h>

#include "small.h"

int
main(int argc, char **argv)
{
  CHECK(argc == 2);
  close(2);
  CHECK(open(argv[1], O_CREAT | O_RDWR, 0600) == 2);
  CHECK(write(2, "mine\n", 5) == 5);
  for (int i = 0; i < 5; i++)
    {
      CHECK(malloc(100));
      raise(SIGUSR1);
      usleep(100 * 1000);
    }
  return 0;
}
