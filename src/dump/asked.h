/* asked.h -- dumps that were asked for and not made yet.

   A signal handler puts them, at any instruction of any thread; the reporter
   takes them. A few places, each one word that changes by one exchange, so
   nothing waits. Several of the same kind that wait are one, but for those that
   say to whom they go (what sigqueue(3) brings, as libdmalloc(3) says): each of
   them has somebody who waits. */

#ifndef DM_DUMP_ASKED_H
#define DM_DUMP_ASKED_H

#include <stdbool.h>
#include <stdint.h>

enum
{
  DM_ASKED_PLACES = 32
};

/* Asks for the dump that SIGNAL stands for, with the VALUE that it brought.
   Returns the place where that stands, or -1 when all are taken. Signal-safe,
   like all of these. */
int dm_asked_put(int signal, uint32_t value);

/* Takes it back, if it is still there: who asked at PLACE serves it. */
void dm_asked_take_back(int place, int signal, uint32_t value);

/* Takes what stands at PLACE. Returns false when nothing does. */
bool dm_asked_take(unsigned place, int *signal, uint32_t *value);

/* Whether anything is asked for. */
bool dm_asked_any(void);

/* Forgets all: in a forked child. */
void dm_asked_forget(void);

#endif
