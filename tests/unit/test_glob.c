/* test_glob.c -- shell patterns. */

#include <check.h>
#include <string.h>

#include "base/config.h"
#include "runner.h"

START_TEST(test_glob)
{
  static const struct
  {
    const char *pattern, *name;
    bool matches;
  } cases[] = {
      {"", "", true},
      {"", "a", false},
      {"abc", "abc", true},
      {"abc", "abcd", false},
      {"abcd", "abc", false},
      {"*", "", true},
      {"*", "anything", true},
      {"a*", "a", true},
      {"a*c", "abbbc", true},
      {"a*c", "abbb", false},
      {"*.so", "x.so", true},
      {"*.so", "x.so.6", false},
      {"*a*b*", "xxaxxbxx", true},
      {"*a*b*", "xxbxxaxx", false},
      {"a**b", "ab", true},
      {"*abab", "abababab", true},
      {"my?erver", "myserver", true},
      {"?", "", false},
      {"?", "x", true},
      {"??", "x", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a-c]x", "dx", true},
      {"[!a-c]x", "bx", false},
      {"[^a-c]x", "dx", true},
      {"[abc]", "c", true},
      {"[]]", "]", true},
      {"[]a]", "a", true},
      {"[!]]", "]", false},
      {"[!]]", "a", true},
      {"[a-]", "-", true},
      {"[a-]", "b", false},
      {"[-a]", "-", true},
      {"[\\]]", "]", true},
      {"[\\a-c]", "b", true},
      {"[a-\\c]", "b", true},
      {"[", "[", true},
      {"[abc", "[abc", true},
      {"[abc", "a", false},
      {"a[", "a", false},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"\\[a]", "[a]", true},
      {"\\", "\\", true},
      {"a\\", "a\\", true},
      {"*[0-9]", "worker12", true},
      {"*[0-9]", "worker", false},
      {"[z-a]", "m", false},
      {"[\xc3]", "\xc3", true},
      {"*", ".hidden", true},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    ck_assert_msg(dm_config_glob(cases[i].pattern, cases[i].name) ==
                      cases[i].matches,
                  "%s %s", cases[i].pattern, cases[i].name);
}
END_TEST

START_TEST(test_glob_is_not_exponential)
{
  char name[2001];
  memset(name, 'a', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  ck_assert(!dm_config_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", name));
}
END_TEST

static Suite *
make_glob_suite(void)
{
  Suite *suite = suite_create("glob");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, test_glob);
  tcase_add_test(tests, test_glob_is_not_exponential);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_glob_suite());
}
