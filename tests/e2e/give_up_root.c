/* give_up_root.c -- root becomes user 33; each task of the process must then be
   user 33's, with nothing left to go back to. */

#include <dirent.h>
#include <grp.h>

#include "small.h"

static void
check_task(const char *task)
{
  char path[300], status[8192];
  snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
  FILE *file = fopen(path, "r");
  CHECK(file);
  size_t length = fread(status, 1, sizeof status - 1, file);
  fclose(file);
  status[length] = '\0';
  CHECK(strstr(status, "\nUid:\t33\t33\t33\t33\n"));
  CHECK(strstr(status, "\nGid:\t33\t33\t33\t33\n"));
  CHECK(strstr(status, "\nCapEff:\t0000000000000000\n"));
}

int
main(void)
{
  CHECK(malloc(10));
  CHECK(setgroups(0, NULL) == 0);
  CHECK(setgid(33) == 0);
  CHECK(setuid(33) == 0);
  /* /proc/self belongs to root now that the process is not dumpable; its
     status files stay readable. */
  DIR *tasks = opendir("/proc/self/task");
  CHECK(tasks);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(tasks));)
    if (entry->d_name[0] != '.')
      {
        check_task(entry->d_name);
        count++;
      }
  closedir(tasks);
  CHECK(count > 0);
  CHECK(setuid(0) == -1);
  say("given up\n");
  sleep(1);
  return 0;
}
