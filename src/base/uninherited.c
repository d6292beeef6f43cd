/* uninherited.c -- what a forked child does not inherit. */

#include "base/uninherited.h"

#include <stdint.h>

#include "base/sys.h"

/* The page of those variables begins and ends here: the linker is told to sort
   sections by their names. (Where it does not, nothing lies in between.) */
enum
{
  PAGE = 4096
};
static _Alignas(PAGE) char first[1]
    __attribute__((section(".bss.uninherited.0")));
static _Alignas(PAGE) char end[1]
    __attribute__((section(".bss.uninherited.2")));

void
dm_uninherited_init(void)
{
  uintptr_t from = (uintptr_t) first, to = (uintptr_t) end;
  if (from < to)
    dm_sys_wipe_on_fork(first, to - from);
}
