/* single.c -- does glibc still take this for a program of one thread, and how
   many threads does the kernel see? */

#include <sys/single_threaded.h>

#include "small.h"

static char status[8192];

int
main(void)
{
  CHECK(malloc(10));
  FILE *file = fopen("/proc/self/status", "r");
  CHECK(file && fread(status, 1, sizeof status - 1, file) > 0);
  fclose(file);
  char *threads = strstr(status, "Threads:");
  CHECK(threads);
  say("single_threaded %d\n", __libc_single_threaded);
  say("threads %d\n", atoi(threads + 8));
  return 0;
}
