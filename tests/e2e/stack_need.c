/* stack_need.c -- says how many bytes of a stack an allocation takes at most:
   on one whose words all have a known value, from call chains that were never
   there before and from one that was. */

#include <ucontext.h>

#include "small.h"

enum { FILL = 0x5a };

static ucontext_t here, there;
static unsigned char stack[1 << 16] __attribute__((aligned(64)));
static unsigned char *top;
static int kind;

APART static int
deep(int depth, int way)
{
  if (depth > 0)
    return way & 1 ? deep(depth - 1, way / 2) + 1 : deep(depth - 1, way / 2) + 2;
  unsigned char mark;
  top = &mark;
  void *volatile block = malloc(100);
  block = realloc(block, 200000);
  free(block);
  block = aligned_alloc(64, 128);
  free(block);
  return 0;
}

static void
on_stack(void)
{
  deep(20, kind);
}

static size_t
need(void)
{
  memset(stack, FILL, sizeof stack);
  CHECK(getcontext(&there) == 0);
  there.uc_stack.ss_sp = stack;
  there.uc_stack.ss_size = sizeof stack;
  there.uc_link = &here;
  makecontext(&there, on_stack, 0);
  CHECK(swapcontext(&here, &there) == 0);
  unsigned char *deepest = stack;
  while (*deepest == FILL)
    deepest++;
  return (size_t) (top - deepest);
}

int
main(void)
{
  size_t most = 0;
  for (int i = 0; i < 400; i++)
    {
      kind = i / 2;
      size_t now = need();
      most = now > most ? now : most;
    }
  say("%zu\n", most);
  return 0;
}
