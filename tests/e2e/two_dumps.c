/* two_dumps.c -- dumps are asked for while a thread of the program makes one. */

#include "full_pipe.h"

#include <signal.h>

static void *
dump_own(void *unused)
{
  CHECK(dmalloc_dump(-1) == 0);
  return unused;
}

int
main(void)
{
  struct full_pipe full;
  pthread_t second;
  full_pipe_start(&full);
  raise(SIGUSR1); /* the reporter has to wait */
  pthread_create(&second, NULL, dump_own, NULL); /* and so has this one */
  usleep(300000);
  full_pipe_end(&full);
  pthread_join(second, NULL);
  return 0;
}
