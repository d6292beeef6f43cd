/* small.h -- what the small programs of the end-to-end tests share.

   A test finds an allocation by the name of the function that made it, so
   such a function must stay a function of its own: APART. */

#ifndef SMALL_H
#define SMALL_H

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APART __attribute__((noipa))

/* Says which line was not as expected, and ends the program with status 1. */
#define CHECK(condition)                                                       \
  do                                                                           \
    if (!(condition))                                                          \
      {                                                                        \
        dprintf(1, "%s:%d: %s\n", __FILE__, __LINE__, #condition);             \
        _exit(1);                                                              \
      }                                                                        \
  while (0)

/* Says a line to the test, without stdio's buffers, which are allocations. */
#define say(...) dprintf(1, __VA_ARGS__)

#endif
