/* brinks.c -- allocates on a stack that ends in a page without access, in a
   function called there by code whose unwind information does not know that. */

#include <sys/mman.h>

#include "small.h"

APART static void
at_the_brink(void)
{
  for (int i = 0; i < 3; i++)
    CHECK(malloc(204));
}

/* Calls FUNCTION with the stack that ends at TOP. */
void run_on(void *top, void (*function)(void));
__asm__(".text\n"
        "run_on:\n"
        ".cfi_startproc\n"
        "push %rbx\n"
        ".cfi_def_cfa_offset 16\n"
        "mov %rsp, %rbx\n"
        "mov %rdi, %rsp\n"
        "call *%rsi\n"
        "mov %rbx, %rsp\n"
        "pop %rbx\n"
        ".cfi_def_cfa_offset 8\n"
        "ret\n"
        ".cfi_endproc\n");

int
main(void)
{
  enum { SIZE = 65536 };
  char *stack = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(stack != MAP_FAILED && mprotect(stack, SIZE, PROT_READ | PROT_WRITE) == 0);
  run_on(stack + SIZE, at_the_brink);
  return 0;
}
