/* thumbnails.c -- a library that python loads: pictures made smaller.

   thumbnail_make_carelessly forgets its scratch. */

#include <stdlib.h>
#include <string.h>

enum
{
  SCRATCH = 2000,
  THUMBNAIL = 500
};

/* The same in both: a scratch, which is filled, and what is made of it. */
static inline char *
make(char *scratch, int shade)
{
  char *thumbnail = malloc(THUMBNAIL);
  if (!scratch || !thumbnail)
    abort();
  memset(scratch, shade, SCRATCH);
  memcpy(thumbnail, scratch, THUMBNAIL);
  return thumbnail;
}

__attribute__((visibility("default"))) char *
thumbnail_make(int shade)
{
  char *scratch = malloc(SCRATCH);
  char *thumbnail = make(scratch, shade);
  free(scratch);
  return thumbnail;
}

__attribute__((visibility("default"))) char *
thumbnail_make_carelessly(int shade)
{
  return make(malloc(SCRATCH), shade);
}

__attribute__((visibility("default"))) void
thumbnail_free(char *thumbnail)
{
  free(thumbnail);
}
