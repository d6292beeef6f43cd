/* once.c -- run a program once and say what it cost.

   usage: once FILE [NAME=VALUE]... PROGRAM [ARGUMENT]...

   Runs PROGRAM with the settings added to its environment and writes one line
   to FILE: `STATUS WALL USER SYSTEM PEAK WRITTEN`.  STATUS is the exit status,
   or 128 and the signal's number; the times are seconds; PEAK is the largest
   resident set of any one of its processes in KiB; WRITTEN is the bytes that
   all its processes that were waited for gave to write(2) and its kin, or -1.

   A small C program does this because a forked child starts with its parent's
   peak memory, and a Python process's peak is larger than many a benchmark's.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval time)
{
  return (double) time.tv_sec + (double) time.tv_usec * 1e-6;
}

static double
now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec + (double) time.tv_nsec * 1e-9;
}

static _Noreturn void
start(char **words)
{
  for (; *words != NULL && strchr(*words, '=') != NULL; words++)
    putenv(*words);
  if (*words != NULL)
    execvp(*words, words);
  fprintf(stderr, "once: %s: %s\n", *words != NULL ? *words : "no program",
          strerror(errno));
  _exit(127);
}

/* The bytes that CHILD, which has ended and is not yet waited for, has
   written; the kernel keeps its figures until then.  */
static long long
bytes_written(pid_t child)
{
  char path[64], line[128];
  long long bytes = -1;
  snprintf(path, sizeof path, "/proc/%d/io", (int) child);
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return -1;
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "wchar: %lld", &bytes) == 1)
      break;
  fclose(file);
  return bytes;
}

int
main(int argc, char **argv)
{
  if (argc < 3)
  {
    fprintf(stderr, "usage: once FILE [NAME=VALUE]... PROGRAM ...\n");
    return 2;
  }
  double begin = now();
  pid_t child = fork();
  if (child == 0)
    start(argv + 2);
  siginfo_t ended;
  if (child < 0 || waitid(P_PID, (id_t) child, &ended, WEXITED | WNOWAIT) != 0)
  {
    perror("once");
    return 1;
  }
  double wall = now() - begin;
  long long written = bytes_written(child);
  int status;
  struct rusage usage;
  wait4(child, &status, 0, &usage);
  FILE *file = fopen(argv[1], "we");
  if (file == NULL)
  {
    perror(argv[1]);
    return 1;
  }
  fprintf(file, "%d %.6f %.6f %.6f %ld %lld\n",
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          wall, seconds(usage.ru_utime), seconds(usage.ru_stime),
          usage.ru_maxrss, written);
  return fclose(file) == 0 ? 0 : 1;
}
