/* full_pipe.h -- a dump that a thread makes into a pipe that is full at first,
   so that it lasts until somebody reads. */

#ifndef FULL_PIPE_H
#define FULL_PIPE_H

#include "small.h"

#include <fcntl.h>
#include <pthread.h>

#include "dmalloc.h"

struct full_pipe
{
  int ends[2];
  pthread_t thread;
};

static void *
full_pipe_dump(void *argument)
{
  struct full_pipe *pipe = argument;
  CHECK(dmalloc_dump(pipe->ends[1]) == 0);
  close(pipe->ends[1]);
  return NULL;
}

/* Starts the dump, and lets it come to where it waits. */
static inline void
full_pipe_start(struct full_pipe *full)
{
  static char page[4096];
  CHECK(pipe(full->ends) == 0);
  fcntl(full->ends[1], F_SETFL, O_NONBLOCK);
  while (write(full->ends[1], page, sizeof page) > 0)
    continue;
  fcntl(full->ends[1], F_SETFL, 0);
  pthread_create(&full->thread, NULL, full_pipe_dump, full);
  usleep(200000);
}

/* Reads it to its end. */
static inline void
full_pipe_end(struct full_pipe *full)
{
  static char page[4096];
  while (read(full->ends[0], page, sizeof page) > 0)
    continue;
  pthread_join(full->thread, NULL);
}

#endif
