/* frames.h -- functions that keep their frames in all the ways there are.

   Each calls the next one of a path, a string of letters; at its end is the
   leaf. frames.c is compiled several times, with other flags: FRAMES says what
   the functions are called then. */

#ifndef DM_TESTS_UNIT_FRAMES_H
#define DM_TESTS_UNIT_FRAMES_H

/* Calls the function of PATH's first letter; given by the test. */
void descend(const char *path);

enum
{
  FRAME_SHAPES = 6
};

/* FRAME_SHAPES functions each: small, large, with registers saved, with an
   alloca, with an over-aligned local, with both. */
extern void (*const frames_plain[FRAME_SHAPES])(const char *path);
extern void (*const frames_pointer[FRAME_SHAPES])(const char *path);
extern void (*const frames_bare[FRAME_SHAPES])(const char *path);

#endif
