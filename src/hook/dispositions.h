/* dispositions.h -- the exported calls that set a signal's action and tell the
   former one.

   Our handler for DMALLOC_SIGNAL stands in the kernel where the program
   believes the default to be. A program that saves the former action before it
   sets its own, or resets all signals when it starts, must find what it would
   find without us. So these calls answer "default" where ours stands, and a
   program that sets the default there sets nothing: a daemon which does that
   to every signal can still be asked for dumps. An action of its own goes to
   the kernel and ends all this: the signal is the program's from then on, also
   when it sets the default later.

   Which of the two it is, the kernel knows: ours stands there or it does not.
   Nothing is remembered here, so fork, vfork and exec need no care. Every
   other signal only passes through. */

#ifndef DM_HOOK_DISPOSITIONS_H
#define DM_HOOK_DISPOSITIONS_H

/* Finds the C library's functions of these names. They may be called in signal
   handlers, where nothing can be looked up; so it is done at the start, or by
   the first call where that comes earlier. */
void dm_dispositions_init(void);

#endif
