/* sandboxed.c -- forbids every system call but a few to all its threads, the
   reporter too, and then allocates from new stacks and threads' worth of new
   callsites: what is forbidden fails with EPERM.

   Argument "kill": forbids nearly all to the main thread alone, at the price of
   its life. Then it sees how little an allocation asks of the kernel. */

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "deep.h"

#define ALLOW(number)                                                          \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),                           \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

APART static int
leaf(unsigned kind)
{
  (void) kind;
  free(malloc(100));
  return malloc(30) != NULL;
}

static void
kill_for_nearly_all(void)
{
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(SYS_write), ALLOW(SYS_exit_group), /* the program's own */
    ALLOW(SYS_mmap),  ALLOW(SYS_munmap), ALLOW(SYS_brk), /* glibc's and our tables */
    ALLOW(SYS_rt_sigprocmask), /* libunwind's, for a new return address */
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
  CHECK(malloc(30)); /* glibc asks for random bytes at its first */
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  for (int i = 0; i < 20000; i++)
    CHECK(deep(i % 200, i, leaf) != 0);
  say("allocated\n");
  _exit(0);
}

int
main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "kill") == 0)
    kill_for_nearly_all();
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(SYS_write),       ALLOW(SYS_mmap),  ALLOW(SYS_munmap), ALLOW(SYS_brk),
    ALLOW(SYS_exit_group),  ALLOW(SYS_exit),  ALLOW(SYS_futex),
    ALLOW(SYS_clock_nanosleep),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
  for (int i = 0; i < 20000; i++)
    CHECK(deep(i % 200, i, leaf) != 0);
  CHECK(usleep(400000) == 0);
  say("allocated\n");
  return 0;
}
