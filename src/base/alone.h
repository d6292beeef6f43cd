/* alone.h -- whether the reporter is all that is left of its process.

   A process ends when one of its threads ends it for all, as exit does, or when
   the last thread ends by itself. In a process without the reporter the last one
   may be any of the program's: a sandbox that knows but read, write and the
   system call exit leaves no other way. The reporter must not be what keeps such
   a process, and the one that waits for it, for ever. */

#ifndef DM_BASE_ALONE_H
#define DM_BASE_ALONE_H

/* For a thread that is not the process's first. Returns -1 while there are
   others, or where nobody says; else the exit status with which the first one
   ended (0 to 255). That was the status of the process once; newer kernels take
   that of the thread which ended last, which nobody tells when it is not the
   first. Signal-safe. */
int dm_alone_status(void);

#endif
