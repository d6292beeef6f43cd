/* text.c -- a bounded buffer that text is appended to, without libc's stdio.

   Everything ends in dm_text_bytes, the one place that knows what to do when
   the buffer is full. */

#include "base/text.h"

#include <string.h>

void
dm_text_init(struct dm_text *text, char *buffer, size_t capacity)
{
  *text = (struct dm_text){.data = buffer, .capacity = capacity};
}

/* Whether there is room for at least one byte, after draining if need be. */
static bool
has_room(struct dm_text *text)
{
  if (text->length >= text->capacity && text->drain)
    text->drain(text);
  return text->length < text->capacity;
}

void
dm_text_bytes(struct dm_text *text, const char *bytes, size_t length)
{
  while (length > 0)
  {
    if (!has_room(text))
    {
      text->cut = true;
      return;
    }
    size_t part = text->capacity - text->length;
    if (part > length)
      part = length;
    memcpy(text->data + text->length, bytes, part);
    text->length += part;
    bytes += part;
    length -= part;
  }
}

void
dm_text_flush(struct dm_text *text)
{
  while (text->length > 0 && text->drain)
    text->drain(text);
}

void
dm_text_char(struct dm_text *text, char c)
{
  dm_text_bytes(text, &c, 1);
}

void
dm_text_string(struct dm_text *text, const char *string)
{
  dm_text_bytes(text, string, strlen(string));
}

void
dm_text_repeat(struct dm_text *text, char c, size_t times)
{
  while (times-- > 0)
    dm_text_char(text, c);
}

/* The longest number is 2^64 - 1: 20 digits. */
enum
{
  DIGITS_MAX = 20
};

/* Writes VALUE's digits in BASE so that they end at END; returns where they
   start. */
static char *
digits_before(char *end, uint64_t value, unsigned base)
{
  do
    *--end = "0123456789abcdef"[value % base];
  while ((value /= base) > 0);
  return end;
}

void
dm_text_padded(struct dm_text *text, uint64_t value, unsigned width)
{
  char digits[DIGITS_MAX];
  char *end = digits + sizeof digits;
  char *start = digits_before(end, value, 10);
  size_t length = (size_t) (end - start);
  if (width > length)
    dm_text_repeat(text, '0', width - length);
  dm_text_bytes(text, start, length);
}

void
dm_text_unsigned(struct dm_text *text, uint64_t value)
{
  dm_text_padded(text, value, 1);
}

/* Appends the sign of VALUE and returns the rest: right for INT64_MIN too,
   whose opposite is no int64_t. */
static uint64_t
put_sign(struct dm_text *text, int64_t value)
{
  if (value >= 0)
    return (uint64_t) value;
  dm_text_char(text, '-');
  return -(uint64_t) value;
}

void
dm_text_signed(struct dm_text *text, int64_t value)
{
  uint64_t magnitude = put_sign(text, value);
  dm_text_unsigned(text, magnitude);
}

static void
put_grouped(struct dm_text *text, uint64_t value)
{
  char digits[DIGITS_MAX];
  const char *end = digits + sizeof digits;
  const char *at = digits_before(digits + sizeof digits, value, 10);
  while (at < end)
  {
    dm_text_char(text, *at++);
    if (at < end && (end - at) % 3 == 0)
      dm_text_char(text, ',');
  }
}

void
dm_text_grouped(struct dm_text *text, int64_t value)
{
  uint64_t magnitude = put_sign(text, value);
  put_grouped(text, magnitude);
}

void
dm_text_hex(struct dm_text *text, uint64_t value)
{
  char digits[DIGITS_MAX];
  char *end = digits + sizeof digits;
  char *start = digits_before(end, value, 16);
  dm_text_string(text, "0x");
  dm_text_bytes(text, start, (size_t) (end - start));
}

void
dm_text_seconds(struct dm_text *text, uint64_t milliseconds)
{
  /* Rounded by the remainder, so that the largest value does not wrap. */
  uint64_t tenths = milliseconds / 100 + (milliseconds % 100 >= 50);
  put_grouped(text, tenths / 10);
  dm_text_char(text, '.');
  dm_text_unsigned(text, tenths % 10);
}

void
dm_text_size(struct dm_text *text, int64_t bytes)
{
  static const char units[][4] = {"B",   "KiB", "MiB", "GiB",
                                  "TiB", "PiB", "EiB"};
  uint64_t magnitude = put_sign(text, bytes);
  unsigned unit = 0;
  while (magnitude >> (10 * unit) >= 1024)
    unit++;
  unsigned shift = 10 * unit;
  uint64_t whole = magnitude >> shift;
  if (unit > 0)
  {
    /* The remainder is below 2^60, so ten times it still fits. */
    uint64_t rest = magnitude & ((UINT64_C(1) << shift) - 1);
    uint64_t tenths = (10 * rest + (UINT64_C(1) << (shift - 1))) >> shift;
    whole += tenths / 10;
    tenths %= 10;
    if (whole == 1024) /* 1023.96KiB reads 1.0MiB, not 1024.0KiB */
    {
      whole = 1;
      unit++;
    }
    dm_text_unsigned(text, whole);
    dm_text_char(text, '.');
    whole = tenths;
  }
  dm_text_unsigned(text, whole);
  dm_text_string(text, units[unit]);
}

/* The length of the UTF-8 character that S starts with, or 0 when there is
   none: table 3-7 of the Unicode Standard, so no overlong forms, surrogates or
   values past U+10FFFF. Never looks behind a terminating zero. */
static size_t
utf8_length(const unsigned char *s)
{
  unsigned char low = 0x80, high = 0xbf; /* what the second byte may be */
  size_t length;
  if (s[0] < 0x80)
    return 1;
  if (s[0] < 0xc2 || s[0] > 0xf4)
    return 0;
  if (s[0] < 0xe0)
    length = 2;
  else if (s[0] < 0xf0)
    length = 3;
  else
    length = 4;
  if (s[0] == 0xe0)
    low = 0xa0;
  else if (s[0] == 0xed)
    high = 0x9f;
  else if (s[0] == 0xf0)
    low = 0x90;
  else if (s[0] == 0xf4)
    high = 0x8f;
  if (s[1] < low || s[1] > high)
    return 0;
  for (size_t i = 2; i < length; i++)
    if (s[i] < 0x80 || s[i] > 0xbf)
      return 0;
  return length;
}

/* Whether S starts with a character that a terminal may obey: the bytes below
   a space, DEL, and the second set of controls, U+0080 to U+009F, whose U+009B
   opens a command as ESC [ does. */
static bool
is_control(const unsigned char *s)
{
  return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

/* Appends BYTE as two hexadecimal digits. */
static void
put_hex_byte(struct dm_text *text, unsigned char byte)
{
  dm_text_char(text, "0123456789abcdef"[byte >> 4]);
  dm_text_char(text, "0123456789abcdef"[byte & 15]);
}

static void
put_json_control(struct dm_text *text, const unsigned char *s)
{
  static const char short_ones[] = "\b\f\n\r\t";
  const char *found = strchr(short_ones, s[0]);
  if (found)
  {
    dm_text_char(text, '\\');
    dm_text_char(text, "bfnrt"[found - short_ones]);
    return;
  }
  dm_text_string(text, "\\u00");
  put_hex_byte(text, s[0] == 0xc2 ? s[1] : s[0]);
}

void
dm_text_json(struct dm_text *text, const char *string)
{
  const unsigned char *s = (const unsigned char *) string;
  while (*s)
  {
    size_t length = utf8_length(s);
    if (length == 0)
      dm_text_string(text, "\xef\xbf\xbd"); /* U+FFFD */
    else if (is_control(s))
      put_json_control(text, s);
    else
    {
      if (*s == '"' || *s == '\\')
        dm_text_char(text, '\\');
      dm_text_bytes(text, (const char *) s, length);
    }
    s += length ? length : 1;
  }
}

void
dm_text_printable(struct dm_text *text, const char *string)
{
  const unsigned char *s = (const unsigned char *) string;
  while (*s)
  {
    size_t length = utf8_length(s);
    bool shown = length > 0 && !is_control(s);
    if (length == 0)
      length = 1;
    if (shown)
      dm_text_bytes(text, (const char *) s, length);
    else
      for (size_t i = 0; i < length; i++)
      {
        dm_text_string(text, "\\x");
        put_hex_byte(text, s[i]);
      }
    s += length;
  }
}

struct calendar
{
  uint64_t year;
  unsigned month, day; /* 1 to 12, 1 to 31 */
  unsigned weekday;    /* 0: Sunday */
  unsigned hour, minute, second;
};

/* The days are turned into a date as in Howard Hinnant's "chrono-Compatible
   Low-Level Date Algorithms", civil_from_days: the year starts in March, so
   that the leap day is its last and months have a linear rule. */
static struct calendar
calendar_of(uint64_t seconds)
{
  uint64_t days = seconds / 86400;
  unsigned rest = (unsigned) (seconds % 86400);
  uint64_t since_0000_03_01 = days + 719468;
  uint64_t era = since_0000_03_01 / 146097; /* of 400 years */
  unsigned day_of_era = (unsigned) (since_0000_03_01 % 146097);
  unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                          day_of_era / 146096) /
                         365;
  unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned month = (5 * day_of_year + 2) / 153; /* 0: March */
  return (struct calendar){
      .year = 400 * era + year_of_era + (month >= 10),
      .month = month < 10 ? month + 3 : month - 9,
      .day = day_of_year - (153 * month + 2) / 5 + 1,
      .weekday = (unsigned) ((days + 4) % 7), /* 1970 began on a Thursday */
      .hour = rest / 3600,
      .minute = rest / 60 % 60,
      .second = rest % 60,
  };
}

static void
put_clock(struct dm_text *text, const struct calendar *date)
{
  dm_text_padded(text, date->hour, 2);
  dm_text_char(text, ':');
  dm_text_padded(text, date->minute, 2);
  dm_text_char(text, ':');
  dm_text_padded(text, date->second, 2);
}

void
dm_text_date(struct dm_text *text, uint64_t seconds)
{
  struct calendar date = calendar_of(seconds);
  dm_text_bytes(text, &"SunMonTueWedThuFriSat"[3 * date.weekday], 3);
  dm_text_char(text, ' ');
  dm_text_bytes(
      text, &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * (date.month - 1)], 3);
  dm_text_string(text, date.day < 10 ? "  " : " ");
  dm_text_unsigned(text, date.day);
  dm_text_char(text, ' ');
  put_clock(text, &date);
  dm_text_string(text, " UTC ");
  dm_text_unsigned(text, date.year);
}

void
dm_text_iso_time(struct dm_text *text, uint64_t milliseconds)
{
  struct calendar date = calendar_of(milliseconds / 1000);
  dm_text_padded(text, date.year, 4);
  dm_text_char(text, '-');
  dm_text_padded(text, date.month, 2);
  dm_text_char(text, '-');
  dm_text_padded(text, date.day, 2);
  dm_text_char(text, 'T');
  put_clock(text, &date);
  dm_text_char(text, '.');
  dm_text_padded(text, milliseconds % 1000, 3);
  dm_text_char(text, 'Z');
}

const char *
dm_base_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash && slash[1] ? slash + 1 : path;
}
