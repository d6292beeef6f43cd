/* text.h -- a bounded buffer that text is appended to, without libc's stdio.

   The dump is written by a thread that has no libc state, so nothing here
   allocates, locks, or asks the locale. A text that is full drops what does
   not fit and remembers that it did; when the text has a drain, it is emptied
   into it instead and goes on.

   All of it is Signal-safe. One text belongs to one thread at a time. */

#ifndef DM_BASE_TEXT_H
#define DM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dm_text
{
  char *data; /* LENGTH bytes so far; not terminated */
  size_t length;
  size_t capacity;
  bool cut;                            /* something did not fit */
  void (*drain)(struct dm_text *text); /* makes room in DATA, called when it is
                                          full; or NULL */
  void *drain_arg;                     /* for the drain's own use */
};

/* A text over BUFFER of CAPACITY bytes, without a drain. */
void dm_text_init(struct dm_text *text, char *buffer, size_t capacity);

/* Empties TEXT into its drain, if it has one: the end of a report. */
void dm_text_flush(struct dm_text *text);

void dm_text_char(struct dm_text *text, char c);
void dm_text_bytes(struct dm_text *text, const char *bytes, size_t length);
void dm_text_string(struct dm_text *text, const char *string);
void dm_text_repeat(struct dm_text *text, char c, size_t times);

/* Decimal digits: 6123231. */
void dm_text_unsigned(struct dm_text *text, uint64_t value);
void dm_text_signed(struct dm_text *text, int64_t value);
/* Thousands separated by commas: 6,123,231. */
void dm_text_grouped(struct dm_text *text, int64_t value);
/* Lower-case hexadecimal with 0x and no leading zeros: 0x41f. */
void dm_text_hex(struct dm_text *text, uint64_t value);
/* Decimal digits with leading zeros up to WIDTH: 007. */
void dm_text_padded(struct dm_text *text, uint64_t value, unsigned width);
/* Milliseconds as seconds with one decimal, grouped: 1,250.0. */
void dm_text_seconds(struct dm_text *text, uint64_t milliseconds);
/* A size: 0B, 58.2KiB, 84.3MiB, 1.5GiB, 2.0TiB, up to EiB. Bytes below 1024
   have no decimal; the rest one, rounded to nearest, and never 1024.0 of a
   unit. A negative value keeps its sign. */
void dm_text_size(struct dm_text *text, int64_t bytes);

/* STRING with control bytes, quotes and backslashes escaped as JSON wants
   them, without the quotes around. Bytes that are not valid UTF-8 become
   U+FFFD, so that the line stays JSON. */
void dm_text_json(struct dm_text *text, const char *string);
/* STRING with control characters (DEL and U+0080 to U+009F too) and bytes that
   are not UTF-8 shown as \xNN, for a terminal. */
void dm_text_printable(struct dm_text *text, const char *string);

/* What follows the last slash of PATH, or PATH where nothing does. */
const char *dm_base_name(const char *path);

/* Calendar time of SECONDS since 1970 in UTC, in the format of date(1):
   "Mon Nov 23 01:41:37 UTC 2026"; and of milliseconds since 1970 as
   ISO 8601: "2026-11-23T01:41:37.120Z". */
void dm_text_date(struct dm_text *text, uint64_t seconds);
void dm_text_iso_time(struct dm_text *text, uint64_t milliseconds);

#endif
