/* signals.h -- signal names and numbers, without libc's tables.

   All of it is Thread-safe and Signal-safe. */

#ifndef DM_BASE_SIGNALS_H
#define DM_BASE_SIGNALS_H

#include <stdbool.h>

#include "base/text.h"

/* The number of signal NAME: "USR1" with or without SIG and in any case,
   "10", "RTMIN+5", "RTMAX-1". Returns 0 when there is no such signal. */
int dm_signal_number(const char *name);

/* Whether signal NUMBER may ask for a dump: one that can be caught, that
   programs and people send on purpose, and that neither the kernel raises for
   a fault or job control nor glibc keeps for itself. */
bool dm_signal_can_ask(int number);

/* Appends "SIGUSR1", "SIGRTMIN+5", or "signal 77" for a number without a
   name. */
void dm_signal_name(struct dm_text *text, int number);

#endif
