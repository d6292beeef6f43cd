/* stacks.c -- allocates on stacks that are not the main one: a coroutine's, a
   signal's own, and the smallest that a thread may have. */

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "small.h"

static ucontext_t here, there;

APART static void
on_coroutine(void)
{
  CHECK(malloc(201));
}

static void
coroutine(void)
{
  for (int i = 0; i < 3; i++)
    {
      on_coroutine();
      swapcontext(&there, &here);
    }
}

APART static void
on_signal_stack(void)
{
  CHECK(malloc(202));
}

static void
handler(int signal)
{
  (void) signal;
  on_signal_stack();
}

APART static void
on_small_stack(void)
{
  CHECK(malloc(203));
}

static void *
thread_main(void *unused)
{
  on_small_stack();
  return unused;
}

int
main(void)
{
  static char coroutine_stack[16384];
  CHECK(getcontext(&there) == 0);
  there.uc_stack.ss_sp = coroutine_stack;
  there.uc_stack.ss_size = sizeof coroutine_stack;
  there.uc_link = &here;
  makecontext(&there, coroutine, 0);
  for (int i = 0; i < 3; i++)
    CHECK(swapcontext(&here, &there) == 0);

  static char signal_stack[16384];
  stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof signal_stack };
  CHECK(sigaltstack(&stack, NULL) == 0);
  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
  CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
  CHECK(raise(SIGUSR2) == 0);

  pthread_attr_t small;
  pthread_t thread;
  CHECK(pthread_attr_init(&small) == 0);
  CHECK(pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN) == 0);
  CHECK(pthread_create(&thread, &small, thread_main, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  return 0;
}
