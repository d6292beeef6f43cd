/* config.c -- the settings: DMALLOC_* variables, read once at start.

   A setting is one row of the table below: its name, its default as a user
   would write it, the function that reads it, where it goes, and the words for
   the help screen and the warnings. The defaults are read by the same
   functions as the user's values, so they cannot disagree with them. */

#include "base/config.h"

#include <stddef.h>
#include <string.h>

#include "base/signals.h"

enum outcome
{
  GOOD,
  NOT_ONE,      /* "abc" is not a number of seconds */
  OUT_OF_RANGE, /* "70" is not between 1 and 64 */
  TOO_LONG      /* "aaa..." is longer than 511 bytes */
};

struct setting
{
  const char *name;
  const char *fallback; /* the default, for PARSE */
  const char *shown;    /* the default for people; NULL: FALLBACK */
  enum outcome (*parse)(const struct setting *setting, const char *value,
                        void *field);
  size_t field;             /* offset in struct dm_config */
  uint64_t least, most;     /* numbers: the range; strings: bytes */
  const char *what;         /* ends the sentence: "x" is not ... */
  const char *const *words; /* for one of several words */
  const char *help;         /* lines, parted by \n */
};

/* Reads digits from *AT on and moves *AT behind them. A number too large for
   64 bits becomes UINT64_MAX. Returns how many digits there were. */
static unsigned
read_digits(const char **at, uint64_t *number)
{
  unsigned count = 0;
  *number = 0;
  for (; **at >= '0' && **at <= '9'; (*at)++, count++)
  {
    unsigned digit = (unsigned) (**at - '0');
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_add_overflow(*number, digit, number))
      *number = UINT64_MAX;
  }
  return count;
}

static enum outcome
read_number(const struct setting *setting, const char *value, uint64_t *number)
{
  if (read_digits(&value, number) == 0 || *value != '\0')
    return NOT_ONE;
  if (*number < setting->least || *number > setting->most)
    return OUT_OF_RANGE;
  return GOOD;
}

static enum outcome
parse_uint64(const struct setting *setting, const char *value, void *field)
{
  uint64_t number;
  enum outcome outcome = read_number(setting, value, &number);
  if (outcome == GOOD)
    memcpy(field, &number, sizeof number);
  return outcome;
}

static enum outcome
parse_unsigned(const struct setting *setting, const char *value, void *field)
{
  uint64_t number;
  enum outcome outcome = read_number(setting, value, &number);
  unsigned narrow = (unsigned) number;
  if (outcome == GOOD)
    memcpy(field, &narrow, sizeof narrow);
  return outcome;
}

/* A number of callsites or "all". */
static enum outcome
parse_top(const struct setting *setting, const char *value, void *field)
{
  int all = DM_TOP_ALL;
  if (strcmp(value, "all") != 0)
    return parse_unsigned(setting, value, field);
  memcpy(field, &all, sizeof all);
  return GOOD;
}

/* Seconds with an optional fraction, kept as milliseconds. Rounded up, for a
   little is not nothing: 0 turns the dumps off. */
static enum outcome
parse_seconds(const struct setting *setting, const char *value, void *field)
{
  uint64_t seconds;
  unsigned digits = read_digits(&value, &seconds);
  unsigned worth = 1000, fraction = 0;
  bool more = false;
  if (*value == '.')
    for (value++; *value >= '0' && *value <= '9'; value++, digits++)
    {
      worth /= 10;
      fraction += worth * (unsigned) (*value - '0');
      more = more || (worth == 0 && *value != '0');
    }
  if (digits == 0 || *value != '\0')
    return NOT_ONE;
  fraction += more;
  if (seconds > setting->most || (seconds == setting->most && fraction > 0))
    return OUT_OF_RANGE;
  uint64_t milliseconds = 1000 * seconds + fraction;
  memcpy(field, &milliseconds, sizeof milliseconds);
  return GOOD;
}

static enum outcome
parse_flag(const struct setting *setting, const char *value, void *field)
{
  (void) setting;
  bool flag = value[0] == '1';
  if ((value[0] != '0' && !flag) || value[1] != '\0')
    return NOT_ONE;
  memcpy(field, &flag, sizeof flag);
  return GOOD;
}

/* The place of VALUE among the setting's words, which is an enum's value. */
static enum outcome
parse_word(const struct setting *setting, const char *value, void *field)
{
  for (unsigned i = 0; setting->words[i]; i++)
    if (strcmp(setting->words[i], value) == 0)
    {
      memcpy(field, &i, sizeof i);
      return GOOD;
    }
  return NOT_ONE;
}

static enum outcome
parse_string(const struct setting *setting, const char *value, void *field)
{
  size_t length = strlen(value);
  if (length > setting->most)
    return TOO_LONG;
  memcpy(field, value, length + 1);
  return GOOD;
}

static enum outcome
parse_signal(const struct setting *setting, const char *value, void *field)
{
  (void) setting;
  int number = dm_signal_number(value);
  if (strcmp(value, "none") != 0 && !dm_signal_can_ask(number))
    return NOT_ONE;
  memcpy(field, &number, sizeof number);
  return GOOD;
}

/* In the order of the enums. */
static const char *const format_words[] = {"text", "json", NULL};
const char *const dm_config_sort_words[] = {"bytes", "count", "old", "growth",
                                            NULL};

_Static_assert(sizeof(enum dm_format) == sizeof(unsigned) &&
                   sizeof(enum dm_sort) == sizeof(unsigned) &&
                   sizeof(int) == sizeof(unsigned),
               "parse_word and parse_top store an unsigned");

/* Thirty years; keeps seconds in nanoseconds within 64 bits. */
enum
{
  SECONDS_MAX = 1000000000
};

/* clang-format off */
#define FIELD(member) .field = offsetof(struct dm_config, member)
#define ROOM(member) .most = sizeof((struct dm_config *) 0)->member - 1
#define FLAG(member)                                                          \
  .fallback = "0", .parse = parse_flag, FIELD(member), .what = "0 or 1"

static const struct setting settings[] = {
  {"DMALLOC_INTERVAL", .fallback = "5", .parse = parse_seconds,
   FIELD(interval_ms), .most = SECONDS_MAX, .what = "a number of seconds",
   .help = "seconds between periodic dumps, fractions allowed;\n"
           "0: none, and no reporter thread is started"},
  {"DMALLOC_SIGNAL", .fallback = "USR1", .parse = parse_signal, FIELD(signal),
   .what = "a signal that can ask for a dump",
   .help = "the signal that asks for a dump: a name with or\n"
           "without SIG, a number, RTMIN+n, or none"},
  {"DMALLOC_OUTPUT", .fallback = "stderr", .parse = parse_string,
   FIELD(output), ROOM(output),
   .help = "stderr, or a file pattern: %p pid, %c program\n"
           "name, %h host, %t start time, %%; appended to,\n"
           "no symbolic link is followed, mode 0600"},
  {"DMALLOC_FORMAT", .fallback = "text", .parse = parse_word, FIELD(format),
   .words = format_words,
   .help = "text, or json: one object a line"},
  {"DMALLOC_TOP", .fallback = "10", .parse = parse_top, FIELD(top),
   .most = DM_TOP_ALL - 1, .what = "a number of callsites or all",
   .help = "callsites listed in a dump; all: every one,\n"
           "0: none"},
  {"DMALLOC_SORT", .fallback = "bytes", .parse = parse_word, FIELD(sort),
   .words = dm_config_sort_words,
   .help = "order of that list: bytes, count, old (bytes in\n"
           "blocks of 100 s and more), growth (bytes gained\n"
           "since the dump before)"},
  {"DMALLOC_MIN_AGE", .fallback = "0", .parse = parse_uint64,
   FIELD(min_age_s), .most = DM_MIN_AGE_MAX,
   .what = "a whole number of seconds",
   .help = "seconds, 0 to 1000: that list counts only blocks\n"
           "at least this old"},
  {"DMALLOC_DEPTH", .fallback = "32", .parse = parse_unsigned, FIELD(depth),
   .least = 1, .most = DM_DEPTH_MAX, .what = "a number of frames",
   .help = "frames recorded for a callsite, 1 to 64"},
  {"DMALLOC_CALLSITES", .fallback = "65536", .parse = parse_unsigned,
   FIELD(callsites), .least = 1, .most = DM_CALLSITES_MAX,
   .what = "a number of callsites",
   .help = "cap of the callsite table; what no longer fits is\n"
           "counted, never dropped"},
  {"DMALLOC_AT_EXIT", FLAG(at_exit),
   .help = "1: one more dump when the process exits normally"},
  {"DMALLOC_TRACE", FLAG(trace),
   .help = "1: besides, one line for each call on the output"},
  {"DMALLOC_PROGRAM", .fallback = "", .shown = "(all)", .parse = parse_string,
   FIELD(program), ROOM(program),
   .help = "a glob on the program's base name: processes that\n"
           "do not match only pass calls through"},
  {"DMALLOC_SUPPRESS", .fallback = "", .shown = "(none)",
   .parse = parse_string, FIELD(suppress), ROOM(suppress),
   .help = "a file of leak:PATTERN lines, the syntax of\n"
           "LeakSanitizer's suppressions"},
  {"DMALLOC_VERIFY", FLAG(verify),
   .help = "1: compare each recorded stack with libunwind's\n"
           "own and count the differences; slow"},
  {"DMALLOC_HELP", FLAG(help),
   .help = "1: print this table, then run the program"},
};
/* clang-format on */

enum
{
  SETTINGS = sizeof settings / sizeof *settings
};

static const char *
default_of(const struct setting *setting)
{
  return setting->shown ? setting->shown : setting->fallback;
}

/* Appends at most 60 bytes of VALUE, so that a warning stays a line. */
static void
put_value(struct dm_text *text, const char *value)
{
  char start[61];
  size_t length = strlen(value), shown = length;
  if (shown > sizeof start - 1)
  {
    shown = sizeof start - 1;
    while (shown > 0 && (value[shown] & 0xc0) == 0x80) /* within a character */
      shown--;
  }
  memcpy(start, value, shown);
  start[shown] = '\0';
  dm_text_printable(text, start);
  if (shown < length)
    dm_text_string(text, "...");
}

/* "bytes, count, old or growth". */
static void
put_words(struct dm_text *text, const char *const *words)
{
  for (unsigned i = 0; words[i]; i++)
  {
    if (i > 0)
      dm_text_string(text, words[i + 1] ? ", " : " or ");
    dm_text_string(text, words[i]);
  }
}

static void
warn(struct dm_text *text, const struct setting *setting, const char *value,
     enum outcome outcome)
{
  dm_text_string(text, "dmalloc: ");
  dm_text_string(text, setting->name);
  dm_text_string(text, ": \"");
  put_value(text, value);
  dm_text_string(text, "\" is ");
  if (outcome == TOO_LONG)
  {
    dm_text_string(text, "longer than ");
    dm_text_grouped(text, (int64_t) setting->most);
    dm_text_string(text, " bytes");
  }
  else if (outcome == OUT_OF_RANGE)
  {
    dm_text_string(text, "not between ");
    dm_text_grouped(text, (int64_t) setting->least);
    dm_text_string(text, " and ");
    dm_text_grouped(text, (int64_t) setting->most);
  }
  else
  {
    dm_text_string(text, "not ");
    if (setting->words)
      put_words(text, setting->words);
    else
      dm_text_string(text, setting->what);
  }
  dm_text_string(text, "; using ");
  dm_text_string(text, default_of(setting));
  dm_text_char(text, '\n');
}

void
dm_config_read(struct dm_config *config, const char *(*get_env)(const char *),
               struct dm_text *warnings)
{
  memset(config, 0, sizeof *config);
  for (unsigned i = 0; i < SETTINGS; i++)
  {
    const struct setting *setting = &settings[i];
    void *field = (char *) config + setting->field;
    setting->parse(setting, setting->fallback, field);
    /* An empty value is how a shell takes a variable back for one command. */
    const char *value = get_env(setting->name);
    if (!value || !*value)
      continue;
    enum outcome outcome = setting->parse(setting, value, field);
    if (outcome != GOOD)
      warn(warnings, setting, value, outcome);
  }
}

/* Columns of the help screen: names at 2, defaults at 21, help at 29. */
static void
put_column(struct dm_text *text, const char *string, size_t width)
{
  size_t length = strlen(string);
  dm_text_string(text, string);
  dm_text_repeat(text, ' ', length < width ? width - length : 1);
}

void
dm_config_help(struct dm_text *text)
{
  dm_text_string(text, "dmalloc " DM_VERSION ", a heap profiler. Its settings "
                       "are environment variables:\n\n");
  for (unsigned i = 0; i < SETTINGS; i++)
  {
    dm_text_string(text, "  ");
    put_column(text, settings[i].name, 19);
    put_column(text, default_of(&settings[i]), 8);
    for (const char *at = settings[i].help; *at; at++)
    {
      dm_text_char(text, *at);
      if (*at == '\n')
        dm_text_repeat(text, ' ', 29);
    }
    dm_text_char(text, '\n');
  }
}
