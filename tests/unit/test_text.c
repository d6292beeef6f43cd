/* test_text.c -- formatting without libc: numbers, sizes, dates, escapes. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "runner.h"

static char buffer[4096];
static struct dm_text text;

static void
setup(void)
{
  memset(buffer, '~', sizeof buffer);
  dm_text_init(&text, buffer, sizeof buffer);
}

/* Takes out what the text holds, as a string. */
static const char *
taken(void)
{
  static char copy[sizeof buffer + 1];
  memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  text.length = 0;
  return copy;
}

/* Checks what a call appends. */
#define APPENDS(call, expected)                                                \
  do                                                                           \
  {                                                                            \
    dm_text_##call;                                                            \
    ck_assert_str_eq(taken(), expected);                                       \
  } while (0)

START_TEST(test_numbers)
{
  APPENDS(unsigned(&text, 0), "0");
  APPENDS(unsigned(&text, 6123231), "6123231");
  APPENDS(unsigned(&text, UINT64_MAX), "18446744073709551615");
  APPENDS(signed(&text, -1), "-1");
  APPENDS(signed(&text, INT64_MAX), "9223372036854775807");
  APPENDS(signed(&text, INT64_MIN), "-9223372036854775808");
  APPENDS(hex(&text, 0), "0x0");
  APPENDS(hex(&text, 0x41f), "0x41f");
  APPENDS(hex(&text, UINT64_MAX), "0xffffffffffffffff");
  APPENDS(padded(&text, 7, 3), "007");
  APPENDS(padded(&text, 1234, 3), "1234");
  APPENDS(padded(&text, 0, 0), "0");
  APPENDS(padded(&text, 5, 30), "000000000000000000000000000005");
}
END_TEST

START_TEST(test_grouped)
{
  APPENDS(grouped(&text, 0), "0");
  APPENDS(grouped(&text, 999), "999");
  APPENDS(grouped(&text, 1000), "1,000");
  APPENDS(grouped(&text, 12345), "12,345");
  APPENDS(grouped(&text, 123456), "123,456");
  APPENDS(grouped(&text, 6123231), "6,123,231");
  APPENDS(grouped(&text, -1), "-1");
  APPENDS(grouped(&text, -999), "-999");
  APPENDS(grouped(&text, -1000), "-1,000");
  APPENDS(grouped(&text, INT64_MAX), "9,223,372,036,854,775,807");
  APPENDS(grouped(&text, INT64_MIN), "-9,223,372,036,854,775,808");
}
END_TEST

START_TEST(test_seconds)
{
  APPENDS(seconds(&text, 0), "0.0");
  APPENDS(seconds(&text, 49), "0.0");
  APPENDS(seconds(&text, 50), "0.1");
  APPENDS(seconds(&text, 1250000), "1,250.0");
  APPENDS(seconds(&text, 999949), "999.9");
  APPENDS(seconds(&text, 999950), "1,000.0");
  APPENDS(seconds(&text, UINT64_MAX), "18,446,744,073,709,551.6");
}
END_TEST

START_TEST(test_sizes)
{
  APPENDS(size(&text, 0), "0B");
  APPENDS(size(&text, 1), "1B");
  APPENDS(size(&text, 1023), "1023B");
  APPENDS(size(&text, 1024), "1.0KiB");
  APPENDS(size(&text, 1075), "1.0KiB");
  APPENDS(size(&text, 1076), "1.1KiB"); /* 1.0508 */
  APPENDS(size(&text, 1536), "1.5KiB");
  APPENDS(size(&text, 2047), "2.0KiB");
  APPENDS(size(&text, 59597), "58.2KiB");
  APPENDS(size(&text, 88394957), "84.3MiB");
  APPENDS(size(&text, INT64_C(3) << 29), "1.5GiB");
  APPENDS(size(&text, INT64_C(1) << 41), "2.0TiB");
  APPENDS(size(&text, INT64_C(1) << 50), "1.0PiB");
  APPENDS(size(&text, INT64_MAX), "8.0EiB");
}
END_TEST

START_TEST(test_sizes_never_1024)
{
  /* 1023.9 of each unit, and the least that rounds up to the next. */
  APPENDS(size(&text, 1048524), "1023.9KiB");
  APPENDS(size(&text, 1048525), "1.0MiB");
  APPENDS(size(&text, 1048575), "1.0MiB");
  APPENDS(size(&text, 1048576), "1.0MiB");
  APPENDS(size(&text, (INT64_C(1) << 30) - 1), "1.0GiB");
  APPENDS(size(&text, (INT64_C(1) << 40) - 1), "1.0TiB");
  APPENDS(size(&text, (INT64_C(1) << 50) - 1), "1.0PiB");
  APPENDS(size(&text, (INT64_C(1) << 60) - 1), "1.0EiB");
}
END_TEST

START_TEST(test_sizes_negative)
{
  APPENDS(size(&text, -1), "-1B");
  APPENDS(size(&text, -1023), "-1023B");
  APPENDS(size(&text, -1024), "-1.0KiB");
  APPENDS(size(&text, -1048575), "-1.0MiB");
  APPENDS(size(&text, INT64_MIN), "-8.0EiB");
}
END_TEST

START_TEST(test_json_escapes)
{
  APPENDS(json(&text, ""), "");
  APPENDS(json(&text, "plain/path with space"), "plain/path with space");
  APPENDS(json(&text, "a\"b\\c"), "a\\\"b\\\\c");
  APPENDS(json(&text, "\b\f\n\r\t"), "\\b\\f\\n\\r\\t");
  APPENDS(json(&text, "\x1b[2J\x01\x7f"), "\\u001b[2J\\u0001\\u007f");
  APPENDS(json(&text, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x91"),
          "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x91");
  APPENDS(json(&text, "\xc2\x9b"
                      "31m"),
          "\\u009b31m");
}
END_TEST

#define BAD "\xef\xbf\xbd"

START_TEST(test_json_bad_utf8)
{
  static const char *const cases[][2] = {
      {"\x80", BAD},                            /* continuation alone */
      {"\xff\xfe", BAD BAD},                    /* never in UTF-8 */
      {"\xc3", BAD},                            /* cut after one byte */
      {"a\xe2\x82", "a" BAD BAD},               /* cut after two */
      {"\xf0\x9f\x90", BAD BAD BAD},            /* cut after three */
      {"\xc3(", BAD "("},                       /* not a continuation */
      {"\xc0\xaf", BAD BAD},                    /* overlong slash */
      {"\xc1\xbf", BAD BAD},                    /* overlong DEL */
      {"\xe0\x9f\xbf", BAD BAD BAD},            /* overlong in three */
      {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},    /* overlong in four */
      {"\xed\xa0\x80", BAD BAD BAD},            /* half a surrogate pair */
      {"\xf4\x90\x80\x80", BAD BAD BAD BAD},    /* past U+10FFFF */
      {"\xf5\x80\x80\x80", BAD BAD BAD BAD},    /* a lead byte too high */
      {"\xed\x9f\xbf", "\xed\x9f\xbf"},         /* last before surrogates */
      {"\xee\x80\x80", "\xee\x80\x80"},         /* first after them */
      {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, /* U+10FFFF */
      {"\xe0\xa0\x80", "\xe0\xa0\x80"},         /* U+0800 */
      {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"}, /* U+10000 */
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    APPENDS(json(&text, cases[i][0]), cases[i][1]);
}
END_TEST

START_TEST(test_printable)
{
  APPENDS(printable(&text, "libc.so.6"), "libc.so.6");
  APPENDS(printable(&text, "\x1b]0;x\a\n"), "\\x1b]0;x\\x07\\x0a");
  APPENDS(printable(&text, "\x7f"), "\\x7f");
  APPENDS(printable(&text, "\xc2\x9b"
                           "1m"),
          "\\xc2\\x9b1m");
  APPENDS(printable(&text, "\xc2\xa0\xc3\xbc"), "\xc2\xa0\xc3\xbc");
  APPENDS(printable(&text, "\x9b\xff"), "\\x9b\\xff");
}
END_TEST

START_TEST(test_dates)
{
  APPENDS(date(&text, 0), "Thu Jan  1 00:00:00 UTC 1970");
  APPENDS(date(&text, 1795398097), "Mon Nov 23 01:41:37 UTC 2026");
  APPENDS(date(&text, 951782400), "Tue Feb 29 00:00:00 UTC 2000");
  APPENDS(date(&text, 4107542400), "Mon Mar  1 00:00:00 UTC 2100");
  APPENDS(date(&text, 2147483648), "Tue Jan 19 03:14:08 UTC 2038");
  APPENDS(iso_time(&text, 0), "1970-01-01T00:00:00.000Z");
  APPENDS(iso_time(&text, 1795398097120), "2026-11-23T01:41:37.120Z");
  APPENDS(iso_time(&text, 1795398097007), "2026-11-23T01:41:37.007Z");
  /* Absurd clocks must not hurt. */
  dm_text_date(&text, UINT64_MAX);
  dm_text_iso_time(&text, UINT64_MAX);
  ck_assert(!text.cut);
}
END_TEST

START_TEST(test_dates_like_libc)
{
  char expected[64];
  for (uint64_t seconds = 0; seconds < UINT64_C(13000000000);
       seconds += 86400 * 9 + 3661)
  {
    time_t t = (time_t) seconds;
    struct tm tm;
    strftime(expected, sizeof expected, "%a %b %e %H:%M:%S UTC %Y",
             gmtime_r(&t, &tm));
    APPENDS(date(&text, seconds), expected);
  }
}
END_TEST

START_TEST(test_full)
{
  dm_text_init(&text, buffer, 5);
  dm_text_string(&text, "abcd");
  ck_assert(!text.cut);
  dm_text_string(&text, "efg");
  ck_assert(text.cut);
  dm_text_repeat(&text, 'x', 1000);
  ck_assert_uint_eq(text.length, 5);
  ck_assert_int_eq(buffer[5], '~');
  ck_assert_str_eq(taken(), "abcde");

  dm_text_init(&text, buffer, 0);
  dm_text_char(&text, 'x');
  ck_assert(text.cut);
  ck_assert_uint_eq(text.length, 0);
}
END_TEST

static char drained[256];
static unsigned drains;

static void
drain(struct dm_text *full)
{
  ck_assert_ptr_eq(full->drain_arg, drained);
  drains++;
  strncat(drained, full->data, full->length);
  full->length = 0;
}

static void
refuse(struct dm_text *full)
{
  (void) full;
  drains++;
}

START_TEST(test_drain)
{
  dm_text_init(&text, buffer, 4);
  text.drain = drain;
  text.drain_arg = drained;
  dm_text_flush(&text);
  ck_assert_uint_eq(drains, 0);
  dm_text_string(&text, "abcd");
  ck_assert_uint_eq(drains, 0);
  dm_text_string(&text, "efghijklm");
  dm_text_unsigned(&text, 1234567);
  ck_assert(!text.cut);
  dm_text_flush(&text);
  ck_assert_str_eq(drained, "abcdefghijklm1234567");
  ck_assert_uint_eq(text.length, 0);
}
END_TEST

START_TEST(test_drain_that_does_not)
{
  dm_text_init(&text, buffer, 4);
  text.drain = refuse;
  dm_text_string(&text, "abcdefgh");
  ck_assert(text.cut);
  ck_assert_uint_eq(text.length, 4);
  ck_assert_uint_eq(drains, 1);
}
END_TEST

START_TEST(test_base_names)
{
  ck_assert_str_eq(dm_base_name("/usr/bin/server"), "server");
  ck_assert_str_eq(dm_base_name("bin/server"), "server");
  ck_assert_str_eq(dm_base_name("server"), "server");
  ck_assert_str_eq(dm_base_name("bin/"), "bin/");
  ck_assert_str_eq(dm_base_name("/"), "/");
  ck_assert_str_eq(dm_base_name(""), "");
}
END_TEST

static Suite *
make_text_suite(void)
{
  Suite *suite = suite_create("text");
  TCase *tests = tcase_create("all");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_add_test(tests, test_numbers);
  tcase_add_test(tests, test_grouped);
  tcase_add_test(tests, test_seconds);
  tcase_add_test(tests, test_sizes);
  tcase_add_test(tests, test_sizes_never_1024);
  tcase_add_test(tests, test_sizes_negative);
  tcase_add_test(tests, test_json_escapes);
  tcase_add_test(tests, test_json_bad_utf8);
  tcase_add_test(tests, test_printable);
  tcase_add_test(tests, test_dates);
  tcase_add_test(tests, test_dates_like_libc);
  tcase_add_test(tests, test_base_names);
  tcase_add_test(tests, test_full);
  tcase_add_test(tests, test_drain);
  tcase_add_test(tests, test_drain_that_does_not);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_text_suite());
}
