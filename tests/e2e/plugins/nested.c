/* nested.c -- bump.c with a calloc and a realloc that call malloc: whichever is
   the first. */

#define TAKE(size) malloc(size)
#include "bump.c"
