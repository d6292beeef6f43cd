/* descriptor.h -- what a descriptor refers to, and opening that again.

   A number says little: the program may close it and open something else there,
   at any time. So what stands behind it is remembered as fstat(2) tells it, and
   looked at again before it is written to. Signal-safe. */

#ifndef DM_DUMP_DESCRIPTOR_H
#define DM_DUMP_DESCRIPTOR_H

#include <stdbool.h>
#include <sys/types.h>

struct dm_identity
{
  bool known; /* false: nothing, and equal to nothing */
  mode_t type;
  dev_t device, special_device;
  ino_t inode;
};

/* What FD refers to; nothing when it is not open. */
struct dm_identity dm_descriptor_identity(int fd);

/* Whether FD refers to what THEN is. */
bool dm_descriptor_is(int fd, const struct dm_identity *then);

/* A terminal, by the major numbers of consoles, serial lines and
   pseudo-terminals. Not the multiplexer, which gives a new terminal to each who
   opens it. */
bool dm_identity_is_terminal(const struct dm_identity *identity);
bool dm_identity_is_null_device(const struct dm_identity *identity);

/* Whether a dump may be written to it: a regular file, a pipe, a terminal. */
bool dm_identity_may_receive(const struct dm_identity *identity);

/* Opens the file behind descriptor NUMBER of process PID ("thread-self" for
   this thread) with FLAGS. Returns a descriptor or a negative errno. */
int dm_descriptor_open(const char *pid, int number, int flags);

/* Opens the file behind descriptor FD of process or thread PID anew, for
   writing; it must be WANTED, or where that is NULL one that may receive a
   dump. Returns a descriptor, or -1. */
int dm_descriptor_open_anew(int pid, int fd, const struct dm_identity *wanted);

#endif
