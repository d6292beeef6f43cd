/* report_words.h -- pieces of the text report.

   For the reports. They append to a text and do nothing else. */

#ifndef DM_DUMP_REPORT_WORDS_H
#define DM_DUMP_REPORT_WORDS_H

#include <stdint.h>

#include "base/text.h"

/* The base name of PATH; "?" for none. */
void dm_put_base_name(struct dm_text *text, const char *path);

/* COUNT with commas, then WHAT. */
void dm_put_count(struct dm_text *text, uint64_t count, const char *what);

/* BYTES as a size, then WHAT. */
void dm_put_sized(struct dm_text *text, int64_t bytes, const char *what);

#endif
