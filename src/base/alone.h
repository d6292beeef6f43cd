/* alone.h -- what is left of a process, for a thread that is not its first.

   A process ends when one of its threads ends it for all, as exit does, or when
   the last thread ends by itself. In a process without the reporter the last
   one may be any of the program's: a sandbox that knows but read, write and the
   system call exit leaves no other way. The reporter must not be what keeps
   such a process, and the one that waits for it, for ever.

   And where the first thread has ended, while others go on, the kernel shows
   little of the process by its own id. */

#ifndef DM_BASE_ALONE_H
#define DM_BASE_ALONE_H

#include <sys/types.h>

/* For a thread that is not the process's first. Returns -1 while there are
   others, or where nobody says; else the exit status with which the first one
   ended (0 to 255). That was the status of the process once; newer kernels take
   that of the thread which ended last, which nobody tells when it is not the
   first. Signal-safe. */
int dm_alone_status(void);

/* For the same thread. Where the first one has ended and others go on: the id
   of one of them, by which the kernel still shows what the process has. Else 0.
   Signal-safe. */
pid_t dm_alone_other(void);

#endif
