/* give_up_groups.c -- root takes groups of its own and gives them up by
   initgroups; each task of the process must then be without them. */

#include <dirent.h>
#include <grp.h>

#include "small.h"

static int
has_group(const char *task, const char *group)
{
  char path[300], status[8192];
  snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
  FILE *file = fopen(path, "r");
  CHECK(file);
  size_t length = fread(status, 1, sizeof status - 1, file);
  fclose(file);
  status[length] = '\0';
  char *groups = strstr(status, "\nGroups:");
  CHECK(groups);
  *strchr(groups + 1, '\n') = '\0';
  return strstr(groups, group) != NULL;
}

/* How many tasks have GROUP, which is written as a whole word. */
static int
tasks_of(const char *group)
{
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  CHECK(tasks);
  for (struct dirent *entry; (entry = readdir(tasks));)
    if (entry->d_name[0] != '.')
      count += has_group(entry->d_name, group);
  closedir(tasks);
  return count;
}

int
main(void)
{
  gid_t group = 54321;
  CHECK(setgroups(1, &group) == 0);
  CHECK(tasks_of("54321") > 0);
  CHECK(initgroups("nobody", 65534) == 0);
  CHECK(tasks_of("54321") == 0);
  CHECK(tasks_of("65534") > 0);
  return 0;
}
