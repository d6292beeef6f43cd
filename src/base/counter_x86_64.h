/* counter_x86_64.h -- the one-instruction addition, on x86-64. */

#ifndef DM_BASE_COUNTER_X86_64_H
#define DM_BASE_COUNTER_X86_64_H

#include <stdint.h>

#ifdef __x86_64__

/* Adds N to a counter that only this thread writes. One instruction, so a
   signal handler of this thread falls before it or after it, never into it. */
static inline void
dm_counter_add(uint64_t *counter, uint64_t n)
{
  __asm__("addq %1, %0" : "+m"(*counter) : "er"(n) : "cc");
}

/* Subtracts it. */
static inline void
dm_counter_subtract(uint64_t *counter, uint64_t n)
{
  __asm__("subq %1, %0" : "+m"(*counter) : "er"(n) : "cc");
}

#else

/* Elsewhere an atomic addition serves until that machine has a file of its
   own. */
static inline void
dm_counter_add(uint64_t *counter, uint64_t n)
{
  __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline void
dm_counter_subtract(uint64_t *counter, uint64_t n)
{
  __atomic_fetch_sub(counter, n, __ATOMIC_RELAXED);
}

#endif
#endif
