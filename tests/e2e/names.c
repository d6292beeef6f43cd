/* names.c -- allocates in a static function, in an exported one, and in one
   that its caller never returns from. */

#include "small.h"

APART static void *
a_static_function(void)
{
  return malloc(1001);
}

APART void *
an_exported_function(void)
{
  return malloc(1002);
}

/* The return address lies after the end of this function. */
APART static void __attribute__((noreturn))
never_returns(int status)
{
  CHECK(malloc(1003));
  exit(status);
}

int
main(void)
{
  CHECK(a_static_function());
  CHECK(an_exported_function());
  never_returns(0);
}
