/* streams.c -- libc functions that allocate for their caller; each once. */

#include <dirent.h>
#include <wchar.h>

#include "small.h"

APART static char *
call_getline(void)
{
  FILE *file = fopen("/proc/self/stat", "r");
  char *line = NULL;
  size_t size = 0;
  CHECK(file && getline(&line, &size, file) > 0 && fclose(file) == 0);
  return line;
}

APART static char *
call_open_memstream(void)
{
  char *text;
  size_t length;
  FILE *stream = open_memstream(&text, &length);
  CHECK(stream && fprintf(stream, "%1000d", 7) == 1000 && fclose(stream) == 0);
  return text;
}

APART static char *
call_realpath(void)
{
  return realpath("/proc/self/..", NULL);
}

APART static wchar_t *
call_wcsdup(void)
{
  return wcsdup(L"wide");
}

int
main(void)
{
  CHECK(call_getline() && call_open_memstream() && call_realpath() && call_wcsdup());
  return 0;
}
