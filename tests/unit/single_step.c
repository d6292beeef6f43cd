/* single_step.c -- interrupts a function after each of its instructions. */

#include "single_step.h"

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

static volatile unsigned steps, wanted;
static volatile bool inside, fired;
static void (*volatile interruption)(void);

enum
{
  TRAP_FLAG = 0x100
};

static void
on_trap(int number, siginfo_t *info, void *context)
{
  (void) number, (void) info;
  ucontext_t *interrupted = context;
  if (inside && ++steps < wanted)
    return; /* the flag stays: the next instruction traps as well */
  interrupted->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
  if (!inside)
    return;
  fired = true;
  interruption();
}

bool
interrupt_at(void (*body)(void), void (*handler)(void), unsigned at)
{
  if (least_steps(1) == 0)
  {
    body();
    return false;
  }
  struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, NULL);
  steps = 0;
  wanted = at;
  fired = false;
  interruption = handler;
  inside = true;
  /* The flags are pushed below the red zone. */
  __asm__ volatile("subq $128, %%rsp\n\t"
                   "pushfq\n\t"
                   "orq $0x100, (%%rsp)\n\t"
                   "popfq\n\t"
                   "leaq 128(%%rsp), %%rsp"
                   :
                   :
                   : "memory", "cc");
  body();
  inside = false;
  __asm__ volatile("nop"); /* one more trap clears the flag */
  return fired;
}
