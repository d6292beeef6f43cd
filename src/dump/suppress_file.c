/* suppress_file.c -- the patterns of a file of suppressions.

   A pattern is kept as a glob: with a star where it is not tied, and with a
   backslash before what only globs know. */

#include "dump/suppress_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/sys.h"
#include "dump/suppress.h"

/* Lines that are told to be wrong; more say no more. */
enum
{
  WARNINGS = 10
};

struct pattern
{
  struct pattern *next;
  char glob[];
};

static struct pattern *patterns, **end = &patterns;
static unsigned count;

unsigned
dm_suppress_patterns(void)
{
  return count;
}

void
dm_suppress_drop_patterns(void)
{
  patterns = NULL;
  end = &patterns;
  count = 0;
}

bool
dm_suppress_matches_frame(const char *function, const char *path)
{
  for (const struct pattern *pattern = patterns; pattern;
       pattern = pattern->next)
    if ((function && dm_config_glob(pattern->glob, function)) ||
        (path && dm_config_glob(pattern->glob, path)))
      return true;
  return false;
}

/* Appends LENGTH bytes at TEXT as a glob. Returns false without memory. */
static bool
add_pattern(const char *text, size_t length)
{
  struct pattern *pattern =
      dm_arena_alloc(sizeof *pattern + 2 * length + 3, sizeof(void *));
  if (!pattern)
    return false;
  bool tied_start = text[0] == '^';
  bool tied_end = length > tied_start && text[length - 1] == '$';
  char *at = pattern->glob;
  if (!tied_start)
    *at++ = '*';
  for (size_t i = tied_start; i < length - tied_end; i++)
  {
    if (text[i] == '?' || text[i] == '[' || text[i] == '\\')
      *at++ = '\\';
    *at++ = text[i];
  }
  if (!tied_end)
    *at++ = '*';
  *at = '\0';
  pattern->next = NULL;
  *end = pattern;
  end = &pattern->next;
  count++;
  return true;
}

static bool
is_space(char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether nothing is left of a pattern but its ties, which would match any
   name. */
static bool
is_empty(const char *pattern, size_t length)
{
  if (length > 0 && pattern[0] == '^')
    pattern++, length--;
  return length == 0 || (length == 1 && pattern[0] == '$');
}

/* Adds the pattern of the line of LENGTH bytes at LINE. Returns NULL, or what
   is wrong with it. */
static const char *
parse_line(const char *line, size_t length)
{
  static const char kind[] = "leak:";
  while (length > 0 && is_space(line[length - 1]))
    length--;
  while (length > 0 && is_space(line[0]))
    line++, length--;
  if (length == 0 || line[0] == '#')
    return NULL;
  if (length < sizeof kind - 1 || memcmp(line, kind, sizeof kind - 1) != 0)
    return "not leak:PATTERN";
  line += sizeof kind - 1;
  length -= sizeof kind - 1;
  if (is_empty(line, length))
    return "an empty pattern";
  if (length > DM_SUPPRESS_PATTERN_MAX)
    return "a pattern of more than 1,023 bytes";
  if (memchr(line, '\0', length))
    return "a NUL byte in a pattern";
  return add_pattern(line, length) ? NULL : "no memory";
}

static void
warn(struct dm_text *warnings, const char *name, uint64_t line, const char *why)
{
  dm_text_string(warnings, "dmalloc: ");
  dm_text_printable(warnings, name);
  if (line > 0)
  {
    dm_text_char(warnings, ':');
    dm_text_unsigned(warnings, line);
  }
  dm_text_string(warnings, ": ");
  dm_text_string(warnings, why);
  dm_text_char(warnings, '\n');
  dm_text_flush(warnings);
}

void
dm_suppress_parse(const char *name, const char *data, size_t length,
                  struct dm_text *warnings)
{
  uint64_t number = 1, bad = 0;
  for (size_t start = 0; start < length; number++)
  {
    const char *newline = memchr(data + start, '\n', length - start);
    size_t stop = newline ? (size_t) (newline - data) : length;
    const char *why = parse_line(data + start, stop - start);
    if (why && ++bad <= WARNINGS)
      warn(warnings, name, number, why);
    start = stop + 1;
  }
  if (bad > WARNINGS)
    warn(warnings, name, 0, "more lines like these; they are left out too");
}

static const char *
reason_of(int error)
{
  switch (-error)
  {
  case ENOENT:
    return "no such file; nothing is suppressed";
  case EACCES:
    return "may not be read; nothing is suppressed";
  case EISDIR:
    return "not a regular file; nothing is suppressed";
  case EFBIG:
    return "more than 1 MiB; nothing is suppressed";
  default:
    return "cannot be read; nothing is suppressed";
  }
}

/* Reads all of FD, of SIZE bytes, into DATA. Returns 0 or a negative errno. */
static int
read_all(int fd, char *data, size_t size)
{
  for (size_t done = 0; done < size;)
  {
    ssize_t got = dm_sys_pread(fd, data + done, size - done, done);
    if (got == -EINTR)
      continue;
    if (got <= 0)
      return got < 0 ? (int) got : -EIO;
    done += (size_t) got;
  }
  return 0;
}

static int
read_patterns(const char *path, int fd, struct dm_text *warnings)
{
  struct stat status;
  int error = dm_sys_fstat(fd, &status);
  if (error < 0)
    return error;
  if (!S_ISREG(status.st_mode))
    return -EISDIR;
  size_t size = (size_t) status.st_size;
  if (size > DM_SUPPRESS_FILE_MAX)
    return -EFBIG;
  char *data = dm_sys_map(size + 1);
  if (!data)
    return -ENOMEM;
  error = read_all(fd, data, size);
  if (error == 0)
    dm_suppress_parse(path, data, size, warnings);
  dm_sys_unmap(data, size + 1);
  return error;
}

void
dm_suppress_init(uint32_t cap, const char *path, struct dm_text *warnings)
{
  dm_suppress_make_room(dm_sys_map(cap + 1), cap + 1);
  if (path[0] == '\0')
    return;
  /* Not to wait for a writer where somebody made a pipe of that name. */
  int fd = dm_sys_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
  int error = fd < 0 ? fd : read_patterns(path, fd, warnings);
  if (fd >= 0)
    dm_sys_close(fd);
  if (error < 0)
    warn(warnings, path, 0, reason_of(error));
}
