/* single_step.h -- interrupts a function after each of its instructions.

   What is called Signal-safe must be right wherever a signal handler falls.
   The processor's trap flag raises SIGTRAP after every instruction, so a
   handler can be made to fall after the first, the second and every other
   one, in turn. x86-64 only. */

#ifndef DM_TESTS_UNIT_SINGLE_STEP_H
#define DM_TESTS_UNIT_SINGLE_STEP_H

#include <stdbool.h>

/* Runs BODY, and after its instruction number AT (from 1) HANDLER, in a
   signal handler. Returns false when BODY ended before that. */
bool interrupt_at(void (*body)(void), void (*handler)(void), unsigned at);

/* WANTED steps, or none where no steps can be made: the thread sanitizer keeps
   signals back, and BODY then runs without any. */
static inline unsigned
least_steps(unsigned wanted)
{
#ifdef __SANITIZE_THREAD__
  wanted = 0;
#endif
  return wanted;
}

#endif
