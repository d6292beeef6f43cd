/* report_words.c -- pieces of the text report. */

#include "dump/report_words.h"

void
dm_put_base_name(struct dm_text *text, const char *path)
{
  dm_text_printable(text, path && *path ? dm_base_name(path) : "?");
}

void
dm_put_count(struct dm_text *text, uint64_t count, const char *what)
{
  dm_text_grouped(text, (int64_t) count);
  dm_text_string(text, what);
}

void
dm_put_sized(struct dm_text *text, int64_t bytes, const char *what)
{
  dm_text_size(text, bytes);
  dm_text_string(text, what);
}
