/* suppress.h -- callsites that the list leaves out.

   The file that DMALLOC_SUPPRESS names has LeakSanitizer's syntax: lines
   `leak:PATTERN`, `#` comments, empty lines. A pattern matches anywhere in the
   name of a function or the path of a module of any frame; `*` stands for any
   text, a `^` at its start and a `$` at its end tie it there. Function names
   are as the file has them, so C++'s are mangled (`leak:Cache*insert` matches
   them both ways); source paths are not known inside the process: for these,
   dmalloc-check takes the same file.

   A short list is built in: what the C library keeps on purpose, such as the
   buffer of stdout, the locale, the time zone, what atexit noted. LeakSanitizer
   matches any frame; a pattern such as setlocale would then hide all that a
   program allocates below a function of that name. Ours count only among the
   frames nearest to the allocation, as long as these are the C library's own;
   and none of them hides a callsite that is growing.

   Names are costly, so the answer for a callsite is found once. One byte for
   each callsite of the cap.

   Used by one thread at a time (the dump's), but for dm_suppress_init;
   Signal-safe; never allocates from the program's heap. */

#ifndef DM_DUMP_SUPPRESS_H
#define DM_DUMP_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct dm_callsite_figures;

enum
{
  DM_SUPPRESS_PATTERN_MAX = 1023,    /* bytes of a pattern */
  DM_SUPPRESS_FILE_MAX = 1024 * 1024 /* and of a file */
};

/* Makes room for CAP callsites and reads the file at PATH ("": none). What is
   wrong goes into WARNINGS: "dmalloc: PATH:7: not leak:PATTERN\n" for a line
   that is then left out, one line for a file that cannot be read; its drain, if
   it has one, gets each line by itself. Called once, at the start. */
void dm_suppress_init(uint32_t cap, const char *path, struct dm_text *warnings);

/* Adds the patterns of a file's DATA. NAME is what the warnings call it. */
void dm_suppress_parse(const char *name, const char *data, size_t length,
                       struct dm_text *warnings);

/* Finds the answers for COUNT callsites, as far as they are not known. Looks
   names up with symbols.h. */
void dm_suppress_learn(const struct dm_callsite_figures *sites, uint32_t count);

/* Whether callsite NUMBER, which is GROWING or not, is left out. Answers no for
   one that was not learned. */
bool dm_suppress_matches(uint32_t number, bool growing);

/* The callsite's NUMBER is about to stand for another stack. */
void dm_suppress_forget(uint32_t number);

/* Whether a pattern of the file matches a frame in FUNCTION of the module at
   PATH; either may be NULL. */
bool dm_suppress_matches_frame(const char *function, const char *path);

#endif
