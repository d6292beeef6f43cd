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

/* Says a line to the test without an allocation: stdio makes a buffer, dprintf
   too, which it frees only after the test has read the line. */
#define say(...)                                                              \
  do                                                                          \
    {                                                                         \
      char line_[256];                                                        \
      int length_ = snprintf(line_, sizeof line_, __VA_ARGS__);               \
      CHECK(write(1, line_, (size_t) length_) == length_);                    \
    }                                                                         \
  while (0)

/* The number that NAME, with its colon, has in /proc/self/status. */
static inline int
status_number(const char *name)
{
  static char status[8192];
  FILE *file = fopen("/proc/self/status", "r");
  CHECK(file && fread(status, 1, sizeof status - 1, file) > 0);
  fclose(file);
  const char *own = strstr(status, name);
  CHECK(own);
  return atoi(own + strlen(name));
}

#endif
