/* trigger.c -- when a dump is made. */

#include "dump/trigger.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>

#include "base/sys.h"
#include "dump/dump.h"
#include "dump/reporter.h"

enum
{
  EXIT_PATIENCE_MS = 2000
};

static const struct dm_config *config;

/* Our handler was installed. */
static bool caught;

static void
on_signal(int number, siginfo_t *info, void *context)
{
  (void) context;
  uint32_t value = info->si_code == SI_QUEUE
                       ? (uint32_t) (uintptr_t) info->si_value.sival_ptr
                       : 0;
  if (dm_reporter_ask(number, value))
    return;
  struct dm_request request = {
      .trigger = DM_TRIGGER_SIGNAL,
      .signal = number,
      .fd = -1,
      .value = value,
  };
  dm_dump(&request);
}

/* The program's own handler wins, so ours goes only where there is none. */
static const char *
install_handler(int number)
{
  switch (dm_sys_catch_signal(number, on_signal))
  {
  case 0:
    return NULL;
  case -EBUSY:
    return "the signal of DMALLOC_SIGNAL is ignored in this process; "
           "choose another, such as DMALLOC_SIGNAL=RTMIN+5";
  default:
    return "the signal of DMALLOC_SIGNAL cannot be caught";
  }
}

/* The program's own action wins at any time, and each dump says so. */
static const char *
signal_taken(void)
{
  if (config->signal == 0 || !caught || dm_sys_signal_is_caught(config->signal))
    return NULL;
  return "the program uses the signal of DMALLOC_SIGNAL itself; choose "
         "another to ask for dumps, such as DMALLOC_SIGNAL=RTMIN+5";
}

const char *
dm_trigger_init(const struct dm_config *settings)
{
  config = settings;
  const char *why = config->signal ? install_handler(config->signal) : NULL;
  caught = config->signal && !why;
  dm_dump_ask_first(signal_taken);
  dm_reporter_init(config->interval_ms, config->signal);
  if (config->interval_ms != 0 && !dm_reporter_start())
    return "no thread for periodic dumps could be started";
  return why;
}

int
dm_trigger_call(int fd)
{
  struct dm_request request = {
      .trigger = DM_TRIGGER_CALL,
      .fd = fd,
      .patience_ms = EXIT_PATIENCE_MS,
  };
  /* The reporter may be at one; this caller asked for its own, and waits. */
  return dm_dump_wait(&request) ? 0 : -1;
}

void
dm_trigger_exit(void)
{
  struct dm_request last = {
      .trigger = DM_TRIGGER_EXIT,
      .fd = -1,
      .patience_ms = EXIT_PATIENCE_MS,
  };
  bool wanted = config->at_exit;
  if (!dm_reporter_finish(wanted ? &last : NULL, EXIT_PATIENCE_MS) && wanted)
    dm_dump(&last);
}

void
dm_trigger_after_fork(void)
{
  dm_dump_after_fork();
  dm_reporter_after_fork();
  dm_reporter_start();
}
