/* trace.c -- DMALLOC_TRACE=1: a line for each call. */

#include "hook/trace.h"

#include <stdint.h>

#include "base/sys.h"
#include "base/text.h"

void (*dm_trace_sink)(const char *line, size_t length);

enum
{
  LINE_MAX_BYTES = 160
};

static void
pointer(struct dm_text *line, const void *block)
{
  dm_text_hex(line, (uintptr_t) block);
}

static void
start(struct dm_text *line, char *buffer)
{
  dm_text_init(line, buffer, LINE_MAX_BYTES);
  dm_text_string(line, "dmalloc(");
  dm_text_unsigned(line, (uint64_t) dm_sys_getpid());
  dm_text_string(line, "): ");
}

static void
end(struct dm_text *line)
{
  dm_text_string(line, ")\n");
  if (dm_trace_sink)
    dm_trace_sink(line->data, line->length);
}

void
dm_trace_alloc(const char *function, const void *block, size_t size)
{
  char buffer[LINE_MAX_BYTES];
  struct dm_text line;
  start(&line, buffer);
  pointer(&line, block);
  dm_text_string(&line, " = ");
  dm_text_string(&line, function);
  dm_text_char(&line, '(');
  dm_text_unsigned(&line, size);
  end(&line);
}

void
dm_trace_realloc(const void *result, const void *block, size_t size)
{
  char buffer[LINE_MAX_BYTES];
  struct dm_text line;
  start(&line, buffer);
  pointer(&line, result);
  dm_text_string(&line, " = realloc(");
  pointer(&line, block);
  dm_text_string(&line, ", ");
  dm_text_unsigned(&line, size);
  end(&line);
}

void
dm_trace_free(const void *block)
{
  char buffer[LINE_MAX_BYTES];
  struct dm_text line;
  start(&line, buffer);
  dm_text_string(&line, "free(");
  pointer(&line, block);
  end(&line);
}
