/* fault_hook.c -- makes a system call of dmalloc's fail: the one thing that
   build/tests/libdmalloc-faults.so has and the library has not.

   DMALLOC_TEST_FAIL=N: the Nth mmap, open, write or clone fails. With a plus
   sign behind it, every one from then on. */

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

/* Before the library's own constructor, which has no priority. */
__attribute__((constructor(101))) static void
arm(void)
{
  const char *setting = getenv("DMALLOC_TEST_FAIL");
  if (setting)
    dm_sys_fail_after((unsigned) atoi(setting), strchr(setting, '+') != NULL);
}
