/* narrow.c -- wide.c with a smaller frame. */

#define ROOM 4096
#define LEAK leak_slim
#include "wide.c"
