/* identity.h -- the exported calls that change who the process is.

   The reporter is a thread that glibc does not know, so glibc cannot carry a
   change of user, group or namespace to it, and the kernel refuses some of
   these calls to a process of two threads. So around each of them the reporter
   is ended and started anew: it then has the new rights, and no others. */

#ifndef DM_HOOK_IDENTITY_H
#define DM_HOOK_IDENTITY_H

/* Finds the C library's own calls. For the start: one that comes before asks
   the loader, whose lock may be another thread's, or one's that is not there.
 */
void dm_identity_init(void);

/* Ends the reporter, and returns when the kernel has forgotten it; starts it
   again. Set by init.c, the first of them last; NULL while there is no reporter
   at all. */
extern void (*dm_identity_before)(void);
extern void (*dm_identity_after)(void);

#endif
