/* test_config.c -- every setting, good and bad, and the help screen. */

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "runner.h"

static const char *variable, *value; /* the environment of a test */
static struct dm_config config;
static char warnings[8192];

static const char *
get_env(const char *name)
{
  return variable && strcmp(name, variable) == 0 ? value : NULL;
}

/* Reads the settings with NAME set to TO; the warnings are then a string. */
static void
read_with(const char *name, const char *to)
{
  struct dm_text text;
  variable = name;
  value = to;
  memset(&config, 0xa5, sizeof config);
  dm_text_init(&text, warnings, sizeof warnings - 1);
  dm_config_read(&config, get_env, &text);
  warnings[text.length] = '\0';
}

static void
good(const char *name, const char *to)
{
  read_with(name, to);
  ck_assert_msg(!*warnings, "%s=%s: %s", name, to, warnings);
}

/* Checks that NAME=TO is refused because it REASON, with the default. */
static void
bad(const char *name, const char *to, const char *reason)
{
  char expected[1024];
  snprintf(expected, sizeof expected, "dmalloc: %s: \"%s\" %s\n", name, to,
           reason);
  read_with(name, to);
  ck_assert_str_eq(warnings, expected);
}

static void
check_defaults(void)
{
  ck_assert_uint_eq(config.interval_ms, 5000);
  ck_assert_int_eq(config.signal, SIGUSR1);
  ck_assert_str_eq(config.output, "stderr");
  ck_assert_int_eq(config.format, DM_FORMAT_TEXT);
  ck_assert_int_eq(config.top, 10);
  ck_assert_int_eq(config.sort, DM_SORT_BYTES);
  ck_assert_uint_eq(config.min_age_s, 0);
  ck_assert_uint_eq(config.depth, 32);
  ck_assert_uint_eq(config.callsites, 65536);
  ck_assert(!config.at_exit);
  ck_assert(!config.trace);
  ck_assert(!config.verify);
  ck_assert(!config.help);
  ck_assert_str_eq(config.program, "");
  ck_assert_str_eq(config.suppress, "");
}

static const char *const all_names[] = {
    "DMALLOC_INTERVAL", "DMALLOC_SIGNAL", "DMALLOC_OUTPUT",
    "DMALLOC_FORMAT",   "DMALLOC_TOP",    "DMALLOC_SORT",
    "DMALLOC_MIN_AGE",  "DMALLOC_DEPTH",  "DMALLOC_CALLSITES",
    "DMALLOC_AT_EXIT",  "DMALLOC_TRACE",  "DMALLOC_PROGRAM",
    "DMALLOC_SUPPRESS", "DMALLOC_VERIFY", "DMALLOC_HELP"};

enum
{
  ALL = sizeof all_names / sizeof *all_names
};

START_TEST(test_defaults)
{
  good(NULL, NULL);
  check_defaults();
  for (unsigned i = 0; i < ALL; i++)
  {
    good(all_names[i], "");
    check_defaults();
  }
}
END_TEST

START_TEST(test_interval)
{
  static const struct
  {
    const char *value;
    uint64_t ms;
  } cases[] = {
      {"0", 0},
      {"5", 5000},
      {"0.5", 500},
      {".25", 250},
      {"2.", 2000},
      {"0.001", 1},
      {"0.0001", 1},
      {"0.0000", 0},
      {"1.2341", 1235},
      {"007", 7000},
      {"1000000000", 1000000000000},
      {"0.9999", 1000},
      {"1.00000000000000000000000000000", 1000},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
  {
    good("DMALLOC_INTERVAL", cases[i].value);
    ck_assert_uint_eq(config.interval_ms, cases[i].ms);
  }
  static const char *const wrong[] = {"abc",  "-1",  "+1", " 1",    "1 ",
                                      "5s",   "1e3", ".",  "1.2.3", "1,5",
                                      "0x10", "inf", "nan"};
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
  {
    bad("DMALLOC_INTERVAL", wrong[i], "is not a number of seconds; using 5");
    check_defaults();
  }
  bad("DMALLOC_INTERVAL", "1000000000.1",
      "is not between 0 and 1,000,000,000; using 5");
  bad("DMALLOC_INTERVAL", "99999999999999999999999999",
      "is not between 0 and 1,000,000,000; using 5");
  check_defaults();
}
END_TEST

START_TEST(test_signal)
{
  const struct
  {
    const char *value;
    int signal;
  } cases[] = {
      {"USR1", SIGUSR1},    {"SIGUSR1", SIGUSR1},
      {"10", 10},           {"usr2", SIGUSR2},
      {"sigusr2", SIGUSR2}, {"none", 0},
      {"RTMIN", SIGRTMIN},  {"RTMIN+5", SIGRTMIN + 5},
      {"SIGRTMIN+5", 39},   {"RTMIN+30", 64},
      {"rtmax", SIGRTMAX},  {"RTMAX-30", SIGRTMIN},
      {"39", 39},           {"64", 64},
      {"HUP", SIGHUP},      {"QUIT", SIGQUIT},
      {"WINCH", SIGWINCH},  {"POLL", SIGPOLL},
      {"IO", SIGIO},        {"VTALRM", SIGVTALRM},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
  {
    good("DMALLOC_SIGNAL", cases[i].value);
    ck_assert_int_eq(config.signal, cases[i].signal);
  }
}
END_TEST

START_TEST(test_signal_bad)
{
  static const char *const wrong[] = {
      "KILL",     "SIGKILL",  "9",       "STOP",       "SEGV",   "11",
      "BUS",      "FPE",      "ILL",     "TRAP",       "ABRT",   "IOT",
      "SYS",      "CHLD",     "CLD",     "CONT",       "TSTP",   "TTIN",
      "TTOU",     "PIPE",     "XCPU",    "XFSZ",       "32",     "33",
      "65",       "0",        "-1",      "1000",       "USR3",   "USR",
      "USR11",    "RTMIN+31", "RTMIN-1", "RTMAX+1",    "RTMIN+", "RTMIN5",
      "RTMAX-31", "RTMIN+x",  "SIG",     "SIGSIGUSR1", "NONE",   "10 ",
      "RTMIN+5 "};
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
  {
    bad("DMALLOC_SIGNAL", wrong[i],
        "is not a signal that can ask for a dump; using USR1");
    check_defaults();
  }
}
END_TEST

START_TEST(test_words)
{
  good("DMALLOC_FORMAT", "text");
  ck_assert_int_eq(config.format, DM_FORMAT_TEXT);
  good("DMALLOC_FORMAT", "json");
  ck_assert_int_eq(config.format, DM_FORMAT_JSON);
  bad("DMALLOC_FORMAT", "JSON", "is not text or json; using text");
  bad("DMALLOC_FORMAT", "xml", "is not text or json; using text");
  check_defaults();
  static const enum dm_sort sorts[] = {DM_SORT_BYTES, DM_SORT_COUNT,
                                       DM_SORT_OLD, DM_SORT_GROWTH};
  static const char *const words[] = {"bytes", "count", "old", "growth"};
  for (unsigned i = 0; i < 4; i++)
  {
    ck_assert_str_eq(dm_config_sort_words[sorts[i]], words[i]);
    good("DMALLOC_SORT", words[i]);
    ck_assert_int_eq(config.sort, sorts[i]);
  }
  bad("DMALLOC_SORT", "size",
      "is not bytes, count, old or growth; using bytes");
  bad("DMALLOC_SORT", "byte",
      "is not bytes, count, old or growth; using bytes");
  check_defaults();
}
END_TEST

START_TEST(test_numbers)
{
  good("DMALLOC_TOP", "0");
  ck_assert_int_eq(config.top, 0);
  good("DMALLOC_TOP", "250");
  ck_assert_int_eq(config.top, 250);
  good("DMALLOC_TOP", "all");
  ck_assert_int_eq(config.top, DM_TOP_ALL);
  bad("DMALLOC_TOP", "many", "is not a number of callsites or all; using 10");
  bad("DMALLOC_TOP", "-1", "is not a number of callsites or all; using 10");
  bad("DMALLOC_TOP", "2147483647",
      "is not between 0 and 2,147,483,646; using 10");
  bad("DMALLOC_TOP", "99999999999999999999999999999999",
      "is not between 0 and 2,147,483,646; using 10");
  check_defaults();

  good("DMALLOC_MIN_AGE", "100");
  ck_assert_uint_eq(config.min_age_s, 100);
  bad("DMALLOC_MIN_AGE", "1.5", "is not a whole number of seconds; using 0");
  good("DMALLOC_MIN_AGE", "1000");
  ck_assert_uint_eq(config.min_age_s, 1000);
  /* Beyond that the age of a block is not known. */
  bad("DMALLOC_MIN_AGE", "1001", "is not between 0 and 1,000; using 0");
  check_defaults();

  good("DMALLOC_DEPTH", "1");
  ck_assert_uint_eq(config.depth, 1);
  good("DMALLOC_DEPTH", "64");
  ck_assert_uint_eq(config.depth, 64);
  bad("DMALLOC_DEPTH", "0", "is not between 1 and 64; using 32");
  bad("DMALLOC_DEPTH", "65", "is not between 1 and 64; using 32");
  bad("DMALLOC_DEPTH", "4294967328", "is not between 1 and 64; using 32");
  bad("DMALLOC_DEPTH", "deep", "is not a number of frames; using 32");
  check_defaults();

  good("DMALLOC_CALLSITES", "1");
  ck_assert_uint_eq(config.callsites, 1);
  good("DMALLOC_CALLSITES", "1000000");
  ck_assert_uint_eq(config.callsites, 1000000);
  bad("DMALLOC_CALLSITES", "0", "is not between 1 and 1,000,000; using 65536");
  bad("DMALLOC_CALLSITES", "1000001",
      "is not between 1 and 1,000,000; using 65536");
  bad("DMALLOC_CALLSITES", "64k", "is not a number of callsites; using 65536");
  check_defaults();
}
END_TEST

START_TEST(test_flags)
{
  static const struct
  {
    const char *name;
    size_t field;
  } flags[] = {
      {"DMALLOC_AT_EXIT", offsetof(struct dm_config, at_exit)},
      {"DMALLOC_TRACE", offsetof(struct dm_config, trace)},
      {"DMALLOC_VERIFY", offsetof(struct dm_config, verify)},
      {"DMALLOC_HELP", offsetof(struct dm_config, help)},
  };
  for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
  {
    const bool *flag = (const bool *) ((char *) &config + flags[i].field);
    good(flags[i].name, "1");
    ck_assert(*flag);
    good(flags[i].name, "0");
    ck_assert(!*flag);
    bad(flags[i].name, "yes", "is not 0 or 1; using 0");
    bad(flags[i].name, "2", "is not 0 or 1; using 0");
    bad(flags[i].name, "10", "is not 0 or 1; using 0");
    check_defaults();
  }
}
END_TEST

START_TEST(test_strings)
{
  char longest[513];
  memset(longest, 'x', sizeof longest);
  longest[511] = '\0';
  good("DMALLOC_OUTPUT", "/var/log/%c.%p.dump");
  ck_assert_str_eq(config.output, "/var/log/%c.%p.dump");
  good("DMALLOC_OUTPUT", longest);
  ck_assert_str_eq(config.output, longest);
  good("DMALLOC_SUPPRESS", longest);
  ck_assert_str_eq(config.suppress, longest);
  longest[511] = 'x';
  longest[512] = '\0';
  read_with("DMALLOC_OUTPUT", longest);
  ck_assert_ptr_nonnull(
      strstr(warnings, "...\" is longer than 511 bytes; using stderr\n"));
  check_defaults();
  read_with("DMALLOC_SUPPRESS", longest);
  ck_assert_ptr_nonnull(
      strstr(warnings, "...\" is longer than 511 bytes; using (none)\n"));
  check_defaults();
  longest[255] = '\0';
  good("DMALLOC_PROGRAM", longest);
  ck_assert_str_eq(config.program, longest);
  longest[255] = 'x';
  read_with("DMALLOC_PROGRAM", longest);
  ck_assert_ptr_nonnull(
      strstr(warnings, "...\" is longer than 255 bytes; using (all)\n"));
  check_defaults();
}
END_TEST

#define NO_TOP "\" is not a number of callsites or all; using 10\n"
#define Y59 "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"

START_TEST(test_warning_is_one_safe_line)
{
  static char huge[100001];
  read_with("DMALLOC_TOP", "\x1b]0;owned\a\n\"x\xff");
  ck_assert_str_eq(warnings, "dmalloc: DMALLOC_TOP: \""
                             "\\x1b]0;owned\\x07\\x0a\"x\\xff" NO_TOP);
  memset(huge, 'y', sizeof huge - 1);
  read_with("DMALLOC_TOP", huge);
  ck_assert_str_eq(warnings, "dmalloc: DMALLOC_TOP: \"" Y59 "y..." NO_TOP);
  read_with("DMALLOC_TOP", Y59 "y");
  ck_assert_str_eq(warnings, "dmalloc: DMALLOC_TOP: \"" Y59 "y" NO_TOP);
  /* A character of two bytes that does not fit is left out whole. */
  read_with("DMALLOC_TOP", Y59 "\xc3\xbczz");
  ck_assert_str_eq(warnings, "dmalloc: DMALLOC_TOP: \"" Y59 "..." NO_TOP);
}
END_TEST

static const char *
everything_wrong(const char *name)
{
  (void) name;
  return "?";
}

START_TEST(test_all_bad_at_once)
{
  struct dm_text text;
  unsigned lines = 0;
  dm_text_init(&text, warnings, sizeof warnings - 1);
  dm_config_read(&config, everything_wrong, &text);
  warnings[text.length] = '\0';
  for (const char *at = warnings; (at = strchr(at, '\n')); at++)
    lines++;
  /* All but the three strings, which take anything. */
  ck_assert_uint_eq(lines, ALL - 3);
  strcpy(config.output, "stderr");
  config.program[0] = config.suppress[0] = '\0';
  check_defaults();
}
END_TEST

START_TEST(test_help)
{
  char help[8192];
  struct dm_text text;
  dm_text_init(&text, help, sizeof help - 1);
  dm_config_help(&text);
  ck_assert(!text.cut);
  help[text.length] = '\0';
  ck_assert_ptr_eq(strstr(help, "dmalloc 1.0"), help);
  for (unsigned i = 0; i < ALL; i++)
    ck_assert_msg(strstr(help, all_names[i]), "%s", all_names[i]);
  ck_assert_ptr_nonnull(strstr(help, "\n  DMALLOC_INTERVAL   5       seconds"));
  ck_assert_ptr_nonnull(strstr(help, "\n  DMALLOC_PROGRAM    (all)   a glob"));
  for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
    ck_assert_msg(strlen(line) < 80, "%s", line);
}
END_TEST

static Suite *
make_config_suite(void)
{
  Suite *suite = suite_create("config");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, test_defaults);
  tcase_add_test(tests, test_interval);
  tcase_add_test(tests, test_signal);
  tcase_add_test(tests, test_signal_bad);
  tcase_add_test(tests, test_words);
  tcase_add_test(tests, test_numbers);
  tcase_add_test(tests, test_flags);
  tcase_add_test(tests, test_strings);
  tcase_add_test(tests, test_warning_is_one_safe_line);
  tcase_add_test(tests, test_all_bad_at_once);
  tcase_add_test(tests, test_help);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_config_suite());
}
