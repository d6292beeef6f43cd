/* dump.h -- one dump from start to end.

   A dump takes a snapshot, asks for the names, formats and writes. One runs
   at a time; whoever runs it blocks its own signals meanwhile, so that a dump
   never interrupts a dump of its own thread. Uses no libc state: it runs in
   the reporter, in a signal handler, or in a thread that calls
   dmalloc_dump(). */

#ifndef DM_DUMP_DUMP_H
#define DM_DUMP_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "dump/snapshot.h"

/* Who runs, since when. Called once at the start; CONFIG, PROGRAM and HOST
   live for ever. */
void dm_dump_init(const struct dm_config *config, const char *program,
                  const char *host);

/* Why something is not tracked, for every dump to say; NULL if nothing. */
void dm_dump_degraded(const char *why);

/* ASK is called before each dump and tells such a thing that may come and go,
   or NULL. */
void dm_dump_ask_first(const char *(*ask)(void) );

/* What a dump is asked to be. */
struct dm_request
{
  enum dm_trigger trigger;
  int signal;           /* for DM_TRIGGER_SIGNAL */
  int fd;               /* for DM_TRIGGER_CALL: where to; -1: the
                           process's own output */
  uint32_t value;       /* what sigqueue(3) brought, as libdmalloc(3)
                           says; 0: nothing */
  unsigned patience_ms; /* to wait in all for a slow reader */
};

/* Makes one dump. Waits while another one is being made, as long as it would wait
   for a reader. Returns false when it could not be made or written whole: then
   it is counted as cut. Signal-safe without patience. */
bool dm_dump(const struct dm_request *request);

/* The same, but waits however long another one takes. */
bool dm_dump_wait(const struct dm_request *request);

/* What is to be done between dumps, unless one is being made: numbers of
   callsites that hold nothing are given to others, if they are scarce, and all
   callsites are looked at once a minute, so that their history has no gaps.
   Returns whether to call again soon. Not for a program's thread. */
bool dm_dump_keep_up(void);

/* In a forked child: what the parent's dump held is free. */
void dm_dump_after_fork(void);

/* Writes LENGTH bytes of a message to the process's own output, without
   waiting. For the trace. */
void dm_dump_message(const char *message, size_t length);

#endif
