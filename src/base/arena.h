/* arena.h -- memory for tables that only grow.

   What is taken is never given back: callsites, modules and ledgers live as
   long as the process. Blocks are mapped a megabyte at a time, so that a new
   callsite costs no system call.

   Thread-safe and Signal-safe: an allocation is one atomic addition. */

#ifndef DM_BASE_ARENA_H
#define DM_BASE_ARENA_H

#include <stddef.h>

/* SIZE bytes of zeroed memory, aligned to ALIGNMENT (a power of two up to
   4096). NULL when the kernel gives none. */
void *dm_arena_alloc(size_t size, size_t alignment);

#endif
