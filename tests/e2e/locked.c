/* locked.c -- mlockall for now and later: tables that grow must not be paid
   for in full. */

#include <sys/mman.h>
#include <sys/resource.h>

#include "small.h"

int
main(void)
{
  struct rlimit limit = { 64 << 20, 64 << 20 };
  setrlimit(RLIMIT_MEMLOCK, &limit);
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
    return 77;
  for (int i = 0; i < 1000; i++)
    CHECK(malloc(1000));
  return 0;
}
