/* single.c -- does glibc still take this for a program of one thread, and how
   many threads does the kernel see? */

#include <sys/single_threaded.h>

#include "small.h"

int
main(void)
{
  CHECK(malloc(10));
  int threads = status_number("Threads:");
  say("single_threaded %d\n", __libc_single_threaded);
  say("threads %d\n", threads);
  return 0;
}
