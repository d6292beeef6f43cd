/* output.h -- where a dump goes, and a writer that never blocks the program.

   The output is the process's stderr or a file. Stderr is known by what
   fstat(2) said of descriptor 2 at the start (a thread with a table of
   descriptors of its own takes the process's one over for the one dump): a
   program that closes it and opens its database there gets no byte of ours. A
   file is opened for each dump and closed after it, so no descriptor of the
   process is taken for longer than that: O_APPEND, O_NOFOLLOW, mode 0600, never
   truncated.

   A write waits for its reader only as long as the caller allows; what then
   is not written is given up, and the dump counts as cut. Nothing here raises
   SIGPIPE or SIGXFSZ: the caller has them blocked.

   Signal-safe; one dump at a time. */

#ifndef DM_DUMP_OUTPUT_H
#define DM_DUMP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/text.h"
#include "dump/descriptor.h"

/* Remembers what stderr is, and the file pattern (%p pid, %c program's base
   name, %h host, %t start time in seconds since 1970, %% itself; anything
   else stays). A pattern that is no absolute path starts from the directory
   that is the current one now, wherever the program goes later. Called once
   at the start. */
void dm_output_init(const struct dm_config *config, const char *program,
                    const char *host, uint64_t start_time_s);

struct dm_output
{
  int fd;                      /* -1: nowhere; all writes are given up */
  bool close;                  /* opened by us */
  bool is_stderr;              /* descriptor 2 must still be what it was */
  bool own;                    /* the process's own output */
  bool locked;                 /* against other processes' dumps */
  bool midline;                /* the last byte written is not a newline */
  bool cut;                    /* something was not written */
  struct dm_identity identity; /* of FD; checked before each write, for the
                                  program may close what it did not open */
  size_t chunk;                /* the most bytes of one write */
  uint64_t deadline_ns;        /* CLOCK_MONOTONIC: no waiting after it */
};

/* Opens the process's own output, with PATIENCE_MS milliseconds to wait in
   all for a slow reader (0: do not wait). A file must be a regular file, a
   pipe that is being read, a terminal or /dev/null; that one cannot be opened
   is said once, on stderr. Processes that share a regular file wait for each
   other, as long as patience lasts. When the dump before was cut within a line,
   that line is ended first, so that the new dump does not become a part of it.
 */
void dm_output_open(struct dm_output *output, unsigned patience_ms);

/* Opens descriptor FD of process PID (through /proc) for the one who asked.
   Only a pipe, a terminal or a regular file. Returns false when it may not be
   opened, or is something else. */
bool dm_output_open_remote(struct dm_output *output, int pid, int fd,
                           unsigned patience_ms);

/* Uses the caller's own descriptor FD. */
void dm_output_use(struct dm_output *output, int fd, unsigned patience_ms);

/* Writes LENGTH bytes of DATA, or what the deadline allows; in parts that end
   with a line, where they can, for the program writes to the same places. After
   a cut nothing more is written, so that a dump has no hole. */
void dm_output_write(struct dm_output *output, const char *data, size_t length);
void dm_output_close(struct dm_output *output);

/* In a forked child: what the parent's last dump left unfinished is not the
   child's to end. */
void dm_output_after_fork(void);

/* Makes TEXT drain into OUTPUT when it is full, in whole lines where it can;
   dm_text_flush writes the rest. */
void dm_output_attach(struct dm_output *output, struct dm_text *text);

#endif
