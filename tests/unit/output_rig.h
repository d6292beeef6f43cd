/* output_rig.h -- what the tests of output.c share: a scratch directory to be
   in, a large dump, and short ways to write it and to see what came out. */

#ifndef OUTPUT_RIG_H
#define OUTPUT_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "dump/output.h"

enum { BIG = 100000, READ_BACK = 1 << 20 };

/* Of BIG's lines, as many as go into a pipe or a terminal at once; and into a
   pipe that nobody reads, a part for each of its 16 pages. */
enum { LINE = 50, PIPE_PART = 4096 / LINE * LINE, PIPE_FULL = 16 * PIPE_PART };

extern char scratch[];         /* the directory's path */
extern char big[BIG];          /* of lines */
extern struct dm_output output;
extern char read_back[READ_BACK]; /* what was read last, as a string */

/* The fixture. As in the real thing, SIGPIPE and SIGXFSZ are blocked. */
void rig_setup(void);
void rig_teardown(void);

/* Starts the module with DMALLOC_OUTPUT=PATTERN. */
void init(const char *pattern);

/* A dump of LENGTH bytes of DATA to the own output; whether it went whole. */
bool dump(const char *data, size_t length, unsigned patience_ms);
bool dump_string(const char *string);

/* What the file at PATH holds, as a string. */
const char *contents(const char *path);

/* Reads everything that can be read from FD now; returns its length. */
size_t read_all(int fd);

/* Open descriptors of this process, and one for looking. */
unsigned descriptors(void);

double seconds_now(void);

/* Makes FD the process's stderr, as it was at the start. */
void start_with_stderr(int fd);

/* A pipe as stderr; returns the end to read. */
int start_with_pipe(void);

#endif
