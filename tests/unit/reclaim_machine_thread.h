/* reclaim_machine_thread.h -- what the two halves of the machine share. */

#ifndef DM_TESTS_UNIT_RECLAIM_MACHINE_THREAD_H
#define DM_TESTS_UNIT_RECLAIM_MACHINE_THREAD_H

#include "reclaim_machine.h"

/* States of an entry. */
enum
{
  FREE,
  LIVE,
  WITHDRAWN,
  DEAD
};

/* Addresses. */
enum
{
  GENERATION = 0,
  COUNTS = 1, /* allocations, frees, by thread and number */
  STAMPS = COUNTS + 2 * THREADS * (NUMBERS + 1),
  HANDED_OUT = STAMPS + BLOCKS
};

static inline unsigned
allocations_of(unsigned thread, unsigned number)
{
  return COUNTS + 2 * (thread * (NUMBERS + 1) + number);
}

static inline unsigned
frees_of(unsigned thread, unsigned number)
{
  return allocations_of(thread, number) + 1;
}

/* Whether WHAT, of a script, allocates. */
bool machine_is_allocation(char what);

/* Makes SELF ready for what stands at its place in the script. */
void machine_begin_next(const struct scenario *scenario,
                        struct machine_thread *self);

/* One step of SELF; the oldest of its stores reaches memory. They return false
   when there is none to be made. */
bool machine_step_thread(struct machine *machine,
                         const struct scenario *scenario,
                         struct machine_thread *self, enum flaw flaw);
bool machine_drain(struct machine *machine, struct machine_thread *self);

#endif
