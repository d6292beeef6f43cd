/* forks.c -- parent, child and grandchild, each with its own share of blocks.
   With "exec" the child becomes this program anew, which allocates 2 blocks. */

#include <sys/wait.h>

#include "small.h"

static void *blocks[10];

APART static void
make_inherited(void)
{
  for (int i = 0; i < 10; i++)
    CHECK((blocks[i] = malloc(100)));
}

APART static void
make_own(int count)
{
  for (int i = 0; i < count; i++)
    CHECK(malloc(200));
}

static void
wait_for(pid_t child)
{
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

int
main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "again") == 0)
    {
      make_own(2);
      return 0;
    }
  make_inherited();
  say("parent %d\n", getpid());
  pid_t child = fork();
  if (child == 0)
    {
      say("child %d\n", getpid());
      if (argc > 1)
        {
          execl("/proc/self/exe", argv[0], "again", NULL);
          _exit(1);
        }
      for (int i = 0; i < 3; i++)
        free(blocks[i]);
      make_own(5);
      pid_t grandchild = fork();
      if (grandchild == 0)
        {
          say("grandchild %d\n", getpid());
          make_own(1);
          return 0;
        }
      wait_for(grandchild);
      return 0;
    }
  wait_for(child);
  return 0;
}
