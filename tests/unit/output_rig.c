/* output_rig.c -- what the tests of output.c share. */

#include "output_rig.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char scratch[] = "/tmp/dmalloc-output-XXXXXX";
struct dm_output output;
char big[BIG];
char read_back[READ_BACK];

void
rig_setup(void)
{
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGPIPE);
  sigaddset(&blocked, SIGXFSZ);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  umask(0);
  ck_assert_ptr_nonnull(mkdtemp(scratch));
  ck_assert_int_eq(chdir(scratch), 0);
  for (size_t i = 0; i < sizeof big; i++)
    big[i] = i % LINE == LINE - 1 ? '\n' : (char) ('a' + i % 26);
}

void
rig_teardown(void)
{
  char command[PATH_MAX];
  snprintf(command, sizeof command, "rm -rf %s", scratch);
  ck_assert_int_eq(system(command), 0);
}

void
init(const char *pattern)
{
  struct dm_config config = {.interval_ms = 0};
  strcpy(config.output, pattern);
  dm_output_init(&config, "/usr/bin/my prog", "host/../x", 1234567890);
}

bool
dump(const char *data, size_t length, unsigned patience_ms)
{
  dm_output_open(&output, patience_ms);
  dm_output_write(&output, data, length);
  bool cut = output.cut;
  dm_output_close(&output);
  return !cut;
}

bool
dump_string(const char *string)
{
  return dump(string, strlen(string), 0);
}

const char *
contents(const char *path)
{
  int fd = open(path, O_RDONLY);
  ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
  ssize_t length = read(fd, read_back, sizeof read_back - 1);
  ck_assert_int_ge(length, 0);
  read_back[length] = '\0';
  close(fd);
  return read_back;
}

size_t
read_all(int fd)
{
  size_t length = 0;
  ssize_t got;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  while ((got = read(fd, read_back + length, sizeof read_back - 1 - length)) >
         0)
    length += (size_t) got;
  read_back[length] = '\0';
  return length;
}

unsigned
descriptors(void)
{
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (readdir(folder))
    count++;
  closedir(folder);
  return count;
}

double
seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

void
start_with_stderr(int fd)
{
  ck_assert_int_eq(dup2(fd, 2), 2);
  init("stderr");
}

int
start_with_pipe(void)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  start_with_stderr(ends[1]);
  close(ends[1]);
  return ends[0];
}
