/* barrier.h -- one thread makes all others execute a memory barrier.

   What runs in the program's malloc call may not pay for a barrier each time.
   So the rare side pays for both: the kernel makes every thread of the process
   that is running execute one (membarrier(2), Linux 4.14), and a thread that is
   not running has executed one when it was switched out.

   A sandbox may refuse this call, or kill for it. So it is prepared at the
   start, before the program has made itself a sandbox, and made later only by a
   thread whose system calls are filtered no more than they were then. */

#ifndef DM_BASE_BARRIER_H
#define DM_BASE_BARRIER_H

#include <stdbool.h>

/* Prepares it. Returns whether dm_barrier can work. Called once, at the
   start, by the only thread. */
bool dm_barrier_init(void);

/* Returns true when each thread of this process has executed a full barrier
   since the call: all that it wrote before can be seen by the caller now, and
   all that the caller wrote before the call can be seen by what it reads after
   its barrier. Returns false when that cannot be had, or not without danger;
   then nothing is promised. Not for a program's thread: it reads a file, and
   interrupts the others. Signal-safe. */
bool dm_barrier(void);

#endif
