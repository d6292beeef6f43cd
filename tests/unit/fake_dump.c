/* fake_dump.c -- a dump that only notes what it was asked for; see
   dump/dump.h.

   It runs in the reporter's own thread, so it uses nothing of libc; and no
   sanitizer may look into it, for that thread has none of their state. */

#include "fake_dump.h"

#include <time.h>

#include "base/sys.h"
#include "dump/hurry.h"

#define BARE __attribute__((no_sanitize("address", "undefined", "thread")))

static struct fake_dump dumps[FAKE_DUMPS];
static unsigned count;
static bool hold;

unsigned
fake_dump_count(void)
{
  return __atomic_load_n(&count, __ATOMIC_SEQ_CST);
}

struct fake_dump
fake_dump_made(unsigned number)
{
  return dumps[number];
}

void
fake_dump_hold(bool held)
{
  __atomic_store_n(&hold, held, __ATOMIC_SEQ_CST);
}

BARE bool
dm_dump_keep_up(void)
{
  return false;
}

bool
dm_dump(const struct dm_request *request)
{
  unsigned number = __atomic_load_n(&count, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&hold, __ATOMIC_SEQ_CST) && !dm_hurry_is_over())
    continue;
  if (number < FAKE_DUMPS)
  {
    struct fake_dump *dump = &dumps[number];
    dump->request.trigger = request->trigger;
    dump->request.signal = request->signal;
    dump->request.fd = request->fd;
    dump->request.value = request->value;
    dump->request.patience_ms = request->patience_ms;
    dump->thread = dm_sys_gettid();
    dump->at_ns = dm_sys_clock_ns(CLOCK_MONOTONIC);
    __atomic_store_n(&count, number + 1, __ATOMIC_SEQ_CST);
  }
  return true;
}

BARE bool
dm_dump_wait(const struct dm_request *request)
{
  return dm_dump(request);
}

void
dm_dump_after_fork(void)
{
}

void
dm_dump_ask_first(const char *(*ask)(void))
{
  (void) ask;
}
