/* output_path.c -- the path of the output file, from its pattern. */

#include "dump/output_path.h"

#include <limits.h>
#include <string.h>

#include "base/config.h"
#include "base/rare.h"
#include "base/sys.h"
#include "base/text.h"

static struct
{
  char pattern[sizeof((struct dm_config *) 0)->output];
  char directory[PATH_MAX]; /* ends in a slash; "" if there is none */
  char program[NAME_MAX + 1];
  char host[65];
  uint64_t start_time_s;
} file;

/* Copies STRING into BUFFER of SIZE bytes, cut if need be. */
static void
copy(char *buffer, size_t size, const char *string)
{
  size_t length = strlen(string);
  if (length > size - 1)
    length = size - 1;
  memcpy(buffer, string, length);
  buffer[length] = '\0';
}

/* The same for a part of a path: a slash, which would lead into another
   directory, becomes an underscore. */
static void
copy_component(char *buffer, size_t size, const char *string)
{
  copy(buffer, size, string);
  for (; *buffer; buffer++)
    if (*buffer == '/')
      *buffer = '_';
}

/* Keeps the current directory, unless it has no path or too long a one. */
static void
remember_directory(void)
{
  ssize_t length = dm_sys_readlink("/proc/self/cwd", file.directory,
                                   sizeof file.directory - 1);
  if (length <= 0 || file.directory[0] != '/' ||
      (size_t) length >= sizeof file.directory - 2)
    length = 0;
  else
    file.directory[length++] = '/';
  file.directory[length] = '\0';
}

void
dm_output_path_init(const char *pattern, const char *program, const char *host,
                    uint64_t start_time_s)
{
  memset(&file, 0, sizeof file);
  copy(file.pattern, sizeof file.pattern, pattern);
  copy_component(file.program, sizeof file.program, dm_base_name(program));
  copy_component(file.host, sizeof file.host, host);
  file.start_time_s = start_time_s;
  if (file.pattern[0] != '/')
    remember_directory();
}

/* Appends what % and LETTER stand for. Returns false when they stand for
   themselves. */
static bool
put_expansion(struct dm_text *path, char letter)
{
  switch (letter)
  {
  case 'p':
    dm_text_signed(path, dm_sys_getpid());
    return true;
  case 'c':
    dm_text_string(path, file.program);
    return true;
  case 'h':
    dm_text_string(path, file.host);
    return true;
  case 't':
    dm_text_unsigned(path, file.start_time_s);
    return true;
  case '%':
    dm_text_char(path, '%');
    return true;
  default:
    return false;
  }
}

const char *
dm_output_path(void)
{
  /* Not on the stack, which may be a small one. */
  static DM_RARE char buffer[PATH_MAX];
  struct dm_text path;
  dm_text_init(&path, buffer, sizeof buffer);
  dm_text_string(&path, file.directory);
  for (const char *at = file.pattern; *at; at++)
    if (*at == '%' && put_expansion(&path, at[1]))
      at++;
    else
      dm_text_char(&path, *at);
  dm_text_char(&path, '\0');
  return path.cut ? NULL : buffer;
}
