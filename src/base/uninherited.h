/* uninherited.h -- what a forked child does not inherit.

   fork(2) copies what other threads were at, locks that they held among it, and
   those threads are not there. After fork a handler of ours puts that right;
   after _Fork and a bare clone nobody tells us. So the kernel does it: these
   variables are zero in each child, and zero means that nobody is at anything.
   A child of vfork shares them.

   Before Linux 4.14, which is the first to do so, it is the handler alone. */

#ifndef DM_BASE_UNINHERITED_H
#define DM_BASE_UNINHERITED_H

/* For a static variable that is zero at the start, or an extern one. */
#define DM_UNINHERITED __attribute__((section(".bss.uninherited.1")))

/* For the start. */
void dm_uninherited_init(void);

#endif
