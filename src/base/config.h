/* config.h -- the settings: DMALLOC_* variables, read once at start.

   The table in config.c is the one place that knows a setting's name, default,
   parser and help text; the help screen and the warnings come from it. */

#ifndef DM_BASE_CONFIG_H
#define DM_BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define DM_VERSION "1.0"

enum
{
  DM_DEPTH_MAX = 64,
  DM_CALLSITES_MAX = 1000000,
  DM_MIN_AGE_MAX = 1000 /* seconds; how old what is older is, is not known */
};
enum
{
  DM_TOP_ALL = INT32_MAX
};

enum dm_format
{
  DM_FORMAT_TEXT,
  DM_FORMAT_JSON
};
enum dm_sort
{
  DM_SORT_BYTES,
  DM_SORT_COUNT,
  DM_SORT_OLD,
  DM_SORT_GROWTH
};

/* What DMALLOC_SORT calls them: "bytes", "count", "old", "growth". */
extern const char *const dm_config_sort_words[];

struct dm_config
{
  uint64_t interval_ms; /* between periodic dumps; 0: none */
  int signal;           /* the signal that asks for a dump; 0: none */
  char output[512];     /* "stderr" or a file pattern, unexpanded */
  enum dm_format format;
  int top; /* callsites listed; DM_TOP_ALL for all */
  enum dm_sort sort;
  uint64_t min_age_s; /* up to DM_MIN_AGE_MAX */
  unsigned depth;     /* frames recorded, 1 to DM_DEPTH_MAX */
  unsigned callsites; /* cap of the callsite table, 1 to
                         DM_CALLSITES_MAX */
  bool at_exit;
  bool trace;
  bool verify; /* compare each capture with libunwind's own */
  bool help;
  char program[256];  /* a glob on the base name; "" matches all */
  char suppress[512]; /* path of a suppression file; "" for none */
};

/* Sets CONFIG to the defaults, then to what GET_ENV says. GET_ENV is called
   with each variable's name and returns its value or NULL. For each bad value
   one line goes into WARNINGS and the default holds (an empty value counts as
   unset):
   "dmalloc: DMALLOC_INTERVAL: "abc" is not a number of seconds; using 5\n".
   Signal-safe; does not allocate. */
void dm_config_read(struct dm_config *config,
                    const char *(*get_env)(const char *name),
                    struct dm_text *warnings);

/* Appends the version and the table of all settings, their defaults and
   meanings: what DMALLOC_HELP=1 prints. */
void dm_config_help(struct dm_text *text);

/* Whether NAME matches the shell glob PATTERN (*, ?, [a-z], [!a-z], \x), byte
   by byte. A star also takes a slash or a leading dot. */
bool dm_config_glob(const char *pattern, const char *name);

#endif
