/* output_path.h -- the path of the output file, from its pattern.

   For output.c alone. Signal-safe; one dump at a time. */

#ifndef DM_DUMP_OUTPUT_PATH_H
#define DM_DUMP_OUTPUT_PATH_H

#include <stdint.h>

/* Remembers PATTERN and what it is expanded with, and for a pattern that is
   no absolute path the current directory. See dm_output_init. */
void dm_output_path_init(const char *pattern, const char *program,
                         const char *host, uint64_t start_time_s);

/* The path that the pattern gives now: the process's number may have changed
   by fork. Valid until the next call. NULL when it does not fit, for the
   beginning of a path is another file. */
const char *dm_output_path(void);

#endif
