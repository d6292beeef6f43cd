/* signals.c -- signal names and numbers, without libc's tables.

   SIGRTMIN is what glibc says it is: the kernel's first two real-time signals,
   32 and 33, are glibc's own. The macro SIGRTMIN is a call into glibc, so the
   number stands here; a test compares the two. */

#include "base/signals.h"

#include <signal.h>
#include <string.h>

enum
{
  RT_MIN = 34,
  RT_MAX = 64
};

struct name
{
  char name[8];
  unsigned char number;
  bool can_ask;
};

/* The first name of a number is the one that is shown. Not to be taken: what
   cannot be caught, faults, the ends of children, job control, and what the
   kernel raises when a limit or a pipe's end is met. */
static const struct name names[] = {
    {"HUP", SIGHUP, true},       {"INT", SIGINT, true},
    {"QUIT", SIGQUIT, true},     {"ILL", SIGILL, false},
    {"TRAP", SIGTRAP, false},    {"ABRT", SIGABRT, false},
    {"IOT", SIGIOT, false},      {"BUS", SIGBUS, false},
    {"FPE", SIGFPE, false},      {"KILL", SIGKILL, false},
    {"USR1", SIGUSR1, true},     {"SEGV", SIGSEGV, false},
    {"USR2", SIGUSR2, true},     {"PIPE", SIGPIPE, false},
    {"ALRM", SIGALRM, true},     {"TERM", SIGTERM, true},
    {"STKFLT", SIGSTKFLT, true}, {"CHLD", SIGCHLD, false},
    {"CLD", SIGCHLD, false},     {"CONT", SIGCONT, false},
    {"STOP", SIGSTOP, false},    {"TSTP", SIGTSTP, false},
    {"TTIN", SIGTTIN, false},    {"TTOU", SIGTTOU, false},
    {"URG", SIGURG, true},       {"XCPU", SIGXCPU, false},
    {"XFSZ", SIGXFSZ, false},    {"VTALRM", SIGVTALRM, true},
    {"PROF", SIGPROF, true},     {"WINCH", SIGWINCH, true},
    {"IO", SIGIO, true},         {"POLL", SIGPOLL, true},
    {"PWR", SIGPWR, true},       {"SYS", SIGSYS, false},
};

enum
{
  NAMES = sizeof names / sizeof *names
};

/* Whether STRING starts with PREFIX, which is in capitals, in any case. */
static bool
starts_with(const char *string, const char *prefix)
{
  for (; *prefix; string++, prefix++)
  {
    char c = *string;
    if (c >= 'a' && c <= 'z')
      c = (char) (c - 'a' + 'A');
    if (c != *prefix)
      return false;
  }
  return true;
}

/* The decimal number that STRING is, or -1 for anything else and for more than
   three digits. */
static int
small_number(const char *string)
{
  int number = 0;
  size_t length = strlen(string);
  if (length == 0 || length > 3)
    return -1;
  for (; *string; string++)
  {
    if (*string < '0' || *string > '9')
      return -1;
    number = 10 * number + (*string - '0');
  }
  return number;
}

/* NAME is RTMIN, RTMIN+n, RTMAX or RTMAX-n, already without SIG. */
static int
real_time_number(const char *name)
{
  bool from_least = name[3] == 'I' || name[3] == 'i';
  int base = from_least ? RT_MIN : RT_MAX;
  if (name[5] == '\0')
    return base;
  int distance = small_number(name + 6);
  if (name[5] != (from_least ? '+' : '-') || distance < 0 ||
      distance > RT_MAX - RT_MIN)
    return 0;
  return from_least ? base + distance : base - distance;
}

int
dm_signal_number(const char *name)
{
  int number = small_number(name);
  if (number >= 0)
    return number <= RT_MAX ? number : 0;
  if (starts_with(name, "SIG"))
    name += 3;
  if (starts_with(name, "RTMIN") || starts_with(name, "RTMAX"))
    return real_time_number(name);
  for (unsigned i = 0; i < NAMES; i++)
    if (starts_with(name, names[i].name) && name[strlen(names[i].name)] == '\0')
      return names[i].number;
  return 0;
}

bool
dm_signal_can_ask(int number)
{
  for (unsigned i = 0; i < NAMES; i++)
    if (names[i].number == number)
      return names[i].can_ask;
  return number >= RT_MIN && number <= RT_MAX;
}

void
dm_signal_name(struct dm_text *text, int number)
{
  for (unsigned i = 0; i < NAMES; i++)
    if (names[i].number == number)
    {
      dm_text_string(text, "SIG");
      dm_text_string(text, names[i].name);
      return;
    }
  bool real_time = number >= RT_MIN && number <= RT_MAX;
  dm_text_string(text, real_time ? "SIGRTMIN" : "signal ");
  if (!real_time)
    dm_text_signed(text, number);
  else if (number > RT_MIN)
  {
    dm_text_char(text, '+');
    dm_text_signed(text, number - RT_MIN);
  }
}
