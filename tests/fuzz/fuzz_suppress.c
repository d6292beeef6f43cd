/* fuzz_suppress.c -- any bytes as a file of suppressions: read, warned of, one
   line for each bad line, and never more than that. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dump/suppress.h"
#include "dump/suppress_file.h"

/* The arena keeps what it gives for ever; here a run has an end. */
static char *taken[4096];
static unsigned count;

void *
dm_arena_alloc(size_t size, size_t alignment)
{
  (void) alignment;
  if (count == sizeof taken / sizeof *taken)
    return NULL;
  return taken[count++] = calloc(1, size);
}

/* In suppress.c, which is not under test. */
void
dm_suppress_make_room(uint8_t *bytes, uint32_t number)
{
  (void) bytes;
  (void) number;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static char buffer[1 << 16];
  struct dm_text warnings;
  dm_text_init(&warnings, buffer, sizeof buffer);
  /* Of its exact size, so that a byte too far is seen. */
  char *copy = malloc(size ? size : 1);
  memcpy(copy, data, size);
  dm_suppress_parse("file", copy, size, &warnings);
  size_t lines = 0, warned = 0;
  for (size_t i = 0; i < size; i++)
    lines += copy[i] == '\n' || i + 1 == size;
  for (size_t i = 0; i < warnings.length; i++)
  {
    warned += warnings.data[i] == '\n';
    if (warnings.data[i] != '\n' && (unsigned char) warnings.data[i] < ' ')
      abort();
  }
  if (warned > lines)
    abort();
  dm_suppress_matches_frame("_ZN5Cache6insertEv", "/usr/lib/libfoo.so.1");
  dm_suppress_matches_frame("", NULL);
  dm_suppress_drop_patterns();
  while (count > 0)
    free(taken[--count]);
  free(copy);
  return 0;
}
