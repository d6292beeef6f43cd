/* stacks.h -- call stacks of a known depth, and as many different ones as are
   asked for.  */

#ifndef DM_BENCH_STACKS_H
#define DM_BENCH_STACKS_H

/* The frames that dm_stacks_deep can put above a function at most.  */
#define DM_STACKS_DEEPEST 64

/* Call FUNCTION with ARGUMENT under DEPTH frames of this file, no two of the
   same function and with frames of differing sizes.  More than
   DM_STACKS_DEEPEST frames are cut to that.  Thread-safe.  */
void dm_stacks_deep(long depth, void (*function)(void *), void *argument);

/* Call FUNCTION with ARGUMENT under 17 frames, of which 16 differ: their return
   addresses spell the lower 16 bits of NUMBER: 65,536 different stacks, each of
   the same cost. Thread-safe.  */
void dm_stacks_numbered(unsigned number, void (*function)(void *),
                        void *argument);

#endif
