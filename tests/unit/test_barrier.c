/* test_barrier.c -- the barrier on every thread, and sandboxes. */

#include "base/barrier.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "runner.h"

/* From now on a membarrier of this thread brings ACTION. */
static void
filter_membarrier(uint32_t action)
{
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = 4, .filter = code};
  ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(usual)
{
  ck_assert(!dm_barrier()); /* not prepared */
  ck_assert(dm_barrier_init());
  for (unsigned i = 0; i < 10; i++)
    ck_assert(dm_barrier());
}
END_TEST

/* A sandbox that kills for it, made after the start: it is not called. */
START_TEST(a_later_sandbox)
{
  ck_assert(dm_barrier_init());
  ck_assert(dm_barrier());
  filter_membarrier(SECCOMP_RET_KILL_PROCESS);
  ck_assert(!dm_barrier());
}
END_TEST

START_TEST(a_sandbox_that_refuses_it)
{
  filter_membarrier(SECCOMP_RET_ERRNO | ENOSYS);
  ck_assert(!dm_barrier_init());
  ck_assert(!dm_barrier());
}
END_TEST

/* One that is there from the start and lets it pass, as a container's; then
   another. */
START_TEST(an_earlier_sandbox)
{
  filter_membarrier(SECCOMP_RET_ALLOW);
  ck_assert(dm_barrier_init());
  ck_assert(dm_barrier());
  filter_membarrier(SECCOMP_RET_KILL_PROCESS);
  ck_assert(!dm_barrier());
}
END_TEST

static void *
ask(void *result)
{
  *(bool *) result = dm_barrier();
  return NULL;
}

/* The filter of another thread is not ours. */
START_TEST(threads)
{
  pthread_t id;
  bool result = true;
  ck_assert(dm_barrier_init());
  ck_assert_int_eq(pthread_create(&id, NULL, ask, &result), 0);
  pthread_join(id, NULL);
  ck_assert(result);
  filter_membarrier(SECCOMP_RET_KILL_PROCESS);
  ck_assert_int_eq(pthread_create(&id, NULL, ask, &result), 0);
  pthread_join(id, NULL);
  ck_assert(!result); /* inherited */
}
END_TEST

START_TEST(when_a_call_fails)
{
  dm_sys_fail_after(1, true);
  ck_assert(!dm_barrier_init());
  dm_sys_fail_after(0, false);
  ck_assert(!dm_barrier());
  ck_assert(dm_barrier_init());
  for (unsigned n = 1; n <= 2; n++)
  {
    dm_sys_fail_after(n, false);
    ck_assert(!dm_barrier());
  }
  ck_assert(dm_barrier());
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {usual,
                                a_later_sandbox,
                                a_sandbox_that_refuses_it,
                                an_earlier_sandbox,
                                threads,
                                when_a_call_fails,
                                NULL};
  return run_suite(make_suite("barrier", NULL, tests));
}
