/* test_alone.c -- threads that end one by one, and what the last one sees. */

#include "base/alone.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "runner.h"

enum
{
  FIRST_STATUS = 7
};

static int go[2];

/* It ends by itself, in its own time. */
static void *
linger(void *unused)
{
  char byte;
  if (read(go[0], &byte, 1) == 1)
    syscall(SYS_exit, 0);
  return unused;
}

/* The last thread: sees that it is not alone, waits for the first one's end,
   tells another to end, and so on, until it is alone. Ends the process with
   what it sees then. */
static int
see(void *others)
{
  int status = -1;
  for (int i = 0; i < *(int *) others; i++)
  {
    for (int looks = 0; looks < 100; looks++)
    {
      status = status < 0 ? dm_alone_status() : status;
      dm_sys_yield();
    }
    if (status >= 0)
      return 1; /* it had others still */
    pid_t other;
    while ((other = dm_alone_other()) == 0)
      dm_sys_yield();
    if (other == getpid() || other == gettid() ||
        dm_sys_write(go[1], "x", 1) != 1)
      return 1;
  }
  while ((status = dm_alone_status()) < 0)
    dm_sys_yield();
  return dm_alone_other() == 0 ? status : 1;
}

/* With _I other threads, under a name that looks like the fields after it. */
START_TEST(the_last_one_sees_it)
{
  static char stack[65536];
  static uintptr_t block[64];
  static uint32_t thread_id;
  static int others;
  int status;
  ck_assert_int_eq(dm_alone_status(), -1);
  ck_assert_int_eq(dm_alone_other(), 0);
  others = _i;
  pid_t child = fork();
  if (child == 0)
  {
    pthread_t thread;
    prctl(PR_SET_NAME, ") Z 1 (2) 3 4 ");
    if (pipe(go) < 0)
      _exit(2);
    for (int i = 0; i < others; i++)
      if (pthread_create(&thread, NULL, linger, NULL) != 0)
        _exit(3);
    dm_sys_copy_thread_block(block);
    if (dm_sys_clone_thread(see, stack + sizeof stack, &others, block,
                            &thread_id) < 0)
      _exit(4);
    syscall(SYS_exit, FIRST_STATUS);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), FIRST_STATUS);
}
END_TEST

int
main(void)
{
  Suite *suite = suite_create("alone");
  TCase *each = tcase_create("each");
  tcase_add_loop_test(each, the_last_one_sees_it, 0, 3);
  suite_add_tcase(suite, each);
  return run_suite(suite);
}
