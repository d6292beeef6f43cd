/* reporter.h -- the thread that makes the dumps.

   It sleeps in one timed wait, advances the clock's tick once a second, makes
   the periodic dumps, and serves requests. Without an interval it is started
   for a request and leaves when that is served. It is a bare kernel thread,
   unknown to glibc: with a second thread of its own kind glibc's malloc would
   leave its single-thread paths for good. Every signal is blocked in it, it
   gives up all capabilities first of all and may gain none, and its stack has a
   guard page. It has a table of descriptors of its own, so that the program,
   which may close any number, never closes what a dump has open and never
   finds a number taken. It has a thread pointer to a small block of its own,
   for libc's functions may read their stack protector's canary through it, and
   the block of the thread that made it may go away. */

#ifndef DM_DUMP_REPORTER_H
#define DM_DUMP_REPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "dump/dump.h"

/* INTERVAL_MS between periodic dumps; SIGNAL_NUMBER as in dm_config. Called
   once, before the others. */
void dm_reporter_init(uint64_t interval_ms, int signal_number);

/* Starts the reporter, if there is an interval or a request for it. Returns
   false when there is not, or when the kernel refuses. */
bool dm_reporter_start(void);

/* Ends it and waits until the kernel has forgotten it; a dump that waits for
   its reader is cut short. Nothing happens when there is none. */
void dm_reporter_stop(void);

/* Around a call that wants the reporter away: ends it, and starts it anew when
   the last of several threads that make such calls is through. */
void dm_reporter_pause(void);
void dm_reporter_resume(void);

/* Ends it at the exit of the process: a dump under way is finished, what else was
   asked for is served, and LAST, unless NULL, made after that, PATIENCE_MS being
   allowed for all. Returns false when there was no reporter to do it. Only
   waits: a sandbox may allow the exiting thread little more. */
bool dm_reporter_finish(const struct dm_request *last, unsigned patience_ms);

/* Asks for a dump; starts a reporter where there is none. Returns false when
   the kernel refuses one, or there are more requests than it can hold: then
   the caller serves itself. Signal-safe. */
bool dm_reporter_ask(int signal, uint32_t value);

/* In a forked child: the reporter did not come along. */
void dm_reporter_after_fork(void);

#endif
