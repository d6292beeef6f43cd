/* test_suppress.c -- suppressions: the file, the patterns, the built-in ones.
 */

#include "dump/suppress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump/hurry.h"
#include "dump/snapshot.h"
#include "dump/suppress_file.h"
#include "fake_books.h"
#include "runner.h"

enum
{
  CAP = 1000
};

static char said[4096];

/* Reads LINES as a file's; what was warned of is in SAID. */
static void
parse(const char *lines)
{
  struct dm_text warnings;
  dm_text_init(&warnings, said, sizeof said - 1);
  dm_suppress_parse("a.supp", lines, strlen(lines), &warnings);
  said[warnings.length] = '\0';
}

static void
setup(void)
{
  struct dm_text warnings;
  dm_text_init(&warnings, said, sizeof said - 1);
  fake_books_reset();
  dm_suppress_init(CAP, "", &warnings);
  ck_assert_uint_eq(warnings.length, 0);
}

START_TEST(patterns)
{
  static const struct
  {
    const char *pattern, *name;
    bool matches;
  } cases[] = {
      {"cache", "cache", true},
      {"cache", "my_cache_insert", true},
      {"cache", "Cache", false},
      {"^cache", "cache_insert", true},
      {"^cache", "my_cache", false},
      {"insert$", "cache_insert", true},
      {"insert$", "insert_cache", false},
      {"^insert$", "insert", true},
      {"^insert$", "insert2", false},
      {"c*t", "xxcache_inserted", true},
      {"^c*t$", "cache_insert", true},
      {"^c*t$", "cache_inserted", false},
      {"Cache*insert", "_ZN5Cache6insertEv", true},
      {"libfoo.so", "/usr/lib/libfoo.so.1", true},
      {"*", "anything", true},
      {"^*", "anything", true},
      {"^^", "a^", false},
      {"$$", "a$", true},
      /* What only a shell's glob knows is plain here. */
      {"a?c", "abc", false},
      {"a?c", "xa?cx", true},
      {"[ab]", "a", false},
      {"[ab]", "operator[ab]", true},
      {"a\\b", "a\\b", true},
      {"^a^b$", "a^b", true},
      {"a$b", "a$b", true},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
  {
    pid_t child = fork(); /* patterns are for ever */
    if (child == 0)
    {
      char line[100];
      snprintf(line, sizeof line, "leak:%s\n", cases[i].pattern);
      parse(line);
      _exit(said[0] == '\0' &&
            dm_suppress_matches_frame(cases[i].name, NULL) ==
                cases[i].matches &&
            dm_suppress_matches_frame(NULL, cases[i].name) == cases[i].matches);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_msg(WEXITSTATUS(status) == 1, "%s %s", cases[i].pattern,
                  cases[i].name);
  }
}
END_TEST

START_TEST(lines)
{
  parse("# a comment\n"
        "\n"
        "  leak:first  \r\n"
        "race:other\n"
        "leak:\n"
        "leak\n"
        "\t# another\n"
        "nonsense \x1b[2J\n"
        "leak:last");
  ck_assert_str_eq(said, "dmalloc: a.supp:4: not leak:PATTERN\n"
                         "dmalloc: a.supp:5: an empty pattern\n"
                         "dmalloc: a.supp:6: not leak:PATTERN\n"
                         "dmalloc: a.supp:8: not leak:PATTERN\n");
  ck_assert_uint_eq(dm_suppress_patterns(), 2);
  ck_assert(dm_suppress_matches_frame("the_first_one", NULL));
  ck_assert(dm_suppress_matches_frame("x", "/lib/last.so"));
  ck_assert(!dm_suppress_matches_frame("other", NULL));
  ck_assert(!dm_suppress_matches_frame(NULL, NULL));
}
END_TEST

/* Ties alone would suppress all there is. */
START_TEST(nothing_but_ties)
{
  parse("leak:$\nleak:^\nleak:^$ \n");
  ck_assert_str_eq(said, "dmalloc: a.supp:1: an empty pattern\n"
                         "dmalloc: a.supp:2: an empty pattern\n"
                         "dmalloc: a.supp:3: an empty pattern\n");
  ck_assert_uint_eq(dm_suppress_patterns(), 0);
  ck_assert(!dm_suppress_matches_frame("main", "/bin/true"));
}
END_TEST

START_TEST(many_bad_lines)
{
  parse("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\nleak:good\n");
  ck_assert_ptr_nonnull(strstr(said, "dmalloc: a.supp:10: not"));
  ck_assert_ptr_null(strstr(said, ":11:"));
  ck_assert_ptr_nonnull(
      strstr(said, "dmalloc: a.supp: more lines like these; they are left out "
                   "too\n"));
  ck_assert(dm_suppress_matches_frame("good", NULL));
}
END_TEST

static unsigned drained;

static void
take_a_line(struct dm_text *text)
{
  char *end = memchr(text->data, '\n', text->length);
  ck_assert_ptr_eq(end, text->data + text->length - 1);
  text->length = 0;
  drained++;
}

START_TEST(each_line_is_told_at_once)
{
  static const char bad[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
  struct dm_text warnings;
  dm_text_init(&warnings, said, sizeof said);
  warnings.drain = take_a_line;
  dm_suppress_parse("a.supp", bad, sizeof bad - 1, &warnings);
  ck_assert_uint_eq(drained, 11);
  ck_assert_uint_eq(warnings.length, 0);
}
END_TEST

START_TEST(long_and_odd_lines)
{
  static char line[5000] = "leak:";
  memset(line + 5, 'a', 1023);
  parse(line);
  ck_assert_str_eq(said, "");
  line[5 + 1023] = 'a';
  parse(line);
  ck_assert_str_eq(said, "dmalloc: a.supp:1: a pattern of more than 1,023 "
                         "bytes\n");
  struct dm_text warnings;
  dm_text_init(&warnings, said, sizeof said - 1);
  dm_suppress_parse("a.supp", "\n\nleak:a\0b\n", 11, &warnings);
  said[warnings.length] = '\0';
  ck_assert_str_eq(said, "dmalloc: a.supp:3: a NUL byte in a pattern\n");
  ck_assert_uint_eq(dm_suppress_patterns(), 1);
}
END_TEST

/* What init says of the file at PATH. */
static const char *
init_with(const char *path)
{
  struct dm_text warnings;
  dm_text_init(&warnings, said, sizeof said - 1);
  dm_suppress_init(CAP, path, &warnings);
  said[warnings.length] = '\0';
  return said;
}

START_TEST(files)
{
  char path[] = "/tmp/suppress-XXXXXX", pipe_path[100];
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, "leak:one\nbad\n", 13), 13);
  char expected[200];
  snprintf(expected, sizeof expected, "dmalloc: %s:2: not leak:PATTERN\n",
           path);
  ck_assert_str_eq(init_with(path), expected);
  ck_assert(dm_suppress_matches_frame("one", NULL));

  ck_assert_int_eq(ftruncate(fd, DM_SUPPRESS_FILE_MAX + 1), 0);
  snprintf(expected, sizeof expected,
           "dmalloc: %s: more than 1 MiB; nothing is suppressed\n", path);
  ck_assert_str_eq(init_with(path), expected);
  unlink(path);
  snprintf(expected, sizeof expected,
           "dmalloc: %s: no such file; nothing is suppressed\n", path);
  ck_assert_str_eq(init_with(path), expected);

  /* Nobody writes into it, and nobody waits for that. */
  snprintf(pipe_path, sizeof pipe_path, "%s.pipe", path);
  ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
  snprintf(expected, sizeof expected,
           "dmalloc: %s: not a regular file; nothing is suppressed\n",
           pipe_path);
  ck_assert_str_eq(init_with(pipe_path), expected);
  unlink(pipe_path);
  ck_assert_str_eq(init_with("/"), "dmalloc: /: not a regular file; nothing is "
                                   "suppressed\n");
}
END_TEST

/* ------------------------------------------------------------------------
   Callsites. */

static unsigned libc, loader, program;

static void
add_modules(void)
{
  libc = fake_module("/lib/x86_64-linux-gnu/libc.so.6", 0x7f0000000000, 0);
  loader = fake_module("/lib64/ld-linux-x86-64.so.2", 0x7f1000000000, 0);
  program = fake_module("/srv/server", 0x550000000000, 0);
}

/* A callsite of up to four frames; NAMES are of the modules, and may be NULL
   for a frame without a name. */
static uint32_t
site(const unsigned modules[4], const char *const names[4])
{
  static dm_frame frames[100][4];
  static unsigned used;
  unsigned count = 0;
  for (; count < 4 && modules[count]; count++)
  {
    frames[used][count] = fake_frame(modules[count], 0x100 * used + count);
    if (names[count])
      fake_symbol(frames[used][count], names[count], 0);
  }
  return fake_callsite(frames[used++], count);
}

static void
learn(uint32_t number)
{
  struct dm_callsite_figures figures = {.number = number};
  dm_suppress_learn(&figures, 1);
}

START_TEST(kept_by_the_c_library)
{
  add_modules();
  uint32_t buffer =
      site((unsigned[4]){libc, libc, program},
           (const char *[4]){"_IO_file_doallocate", "puts", "main"});
  uint32_t locale = site((unsigned[4]){libc, libc, program},
                         (const char *[4]){NULL, "setlocale", "main"});
  uint32_t thread =
      site((unsigned[4]){loader, libc, program},
           (const char *[4]){"_dl_allocate_tls", "pthread_create", "start"});
  /* A function of the program's of that name, and what is called from it. */
  uint32_t own = site((unsigned[4]){program, program},
                      (const char *[4]){"setlocale", "main"});
  uint32_t below = site((unsigned[4]){program, libc, program},
                        (const char *[4]){"work", "setlocale", "main"});
  uint32_t given =
      site((unsigned[4]){libc, program}, (const char *[4]){"strdup", "main"});
  const uint32_t numbers[] = {buffer, locale, thread, own, below, given};
  for (unsigned i = 0; i < 6; i++)
  {
    ck_assert(!dm_suppress_matches(numbers[i], false)); /* not learned */
    learn(numbers[i]);
    ck_assert_msg(dm_suppress_matches(numbers[i], false) == (i < 3), "%u", i);
    ck_assert(!dm_suppress_matches(numbers[i], true)); /* it grows */
  }
}
END_TEST

START_TEST(by_the_file)
{
  add_modules();
  parse("leak:pool_\nleak:libmod\n");
  unsigned plugin = fake_module("/opt/libmod.so", 0x7f2000000000, 0);
  uint32_t outer = site((unsigned[4]){libc, program, program},
                        (const char *[4]){"strdup", "pool_name", "main"});
  uint32_t in_plugin =
      site((unsigned[4]){plugin, program}, (const char *[4]){NULL, "main"});
  uint32_t other = site((unsigned[4]){program, program},
                        (const char *[4]){"session_new", "main"});
  learn(outer);
  learn(in_plugin);
  learn(other);
  ck_assert(dm_suppress_matches(outer, false));
  ck_assert(dm_suppress_matches(outer, true)); /* even so */
  ck_assert(dm_suppress_matches(in_plugin, false));
  ck_assert(!dm_suppress_matches(other, false));
}
END_TEST

/* The answer is kept, until the number stands for another stack. */
/* What was not looked at then is looked at later. */
START_TEST(nothing_is_learned_in_a_hurry)
{
  add_modules();
  parse("leak:noisy\n");
  uint32_t number = site((unsigned[4]){program}, (const char *[4]){"noisy"});
  dm_hurry(0);
  learn(number);
  ck_assert(!dm_suppress_matches(number, false));
  dm_hurry(UINT64_MAX);
  learn(number);
  ck_assert(dm_suppress_matches(number, false));
}
END_TEST

START_TEST(answers_are_kept)
{
  add_modules();
  parse("leak:pool\n");
  static dm_frame frames[1];
  frames[0] = fake_frame(program, 0x77);
  uint32_t number = fake_callsite(frames, 1);
  learn(number); /* it has no name yet */
  ck_assert(!dm_suppress_matches(number, false));
  fake_symbol(frames[0], "pool", 0);
  learn(number); /* asked for a second time */
  ck_assert(dm_suppress_matches(number, false));
  frames[0] = fake_frame(program, 0x78);
  fake_symbol(frames[0], "other", 0);
  learn(number);
  ck_assert(dm_suppress_matches(number, false));
  dm_suppress_forget(number);
  ck_assert(!dm_suppress_matches(number, false));
  learn(number);
  ck_assert(!dm_suppress_matches(number, false));
  dm_suppress_forget(CAP + 7);
  ck_assert(!dm_suppress_matches(CAP + 7, false));
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {patterns,
                                lines,
                                nothing_but_ties,
                                many_bad_lines,
                                each_line_is_told_at_once,
                                long_and_odd_lines,
                                files,
                                kept_by_the_c_library,
                                by_the_file,
                                nothing_is_learned_in_a_hurry,
                                answers_are_kept,
                                NULL};
  return run_suite(make_suite("suppress", setup, tests));
}
