/* test_fold.c -- long recursion, made short. */

#include "books/fold.h"

#include <string.h>

#include "runner.h"

enum
{
  MOST = 64
};

/* Folds the frames that the letters of STACK stand for, and returns the letters
   of what is left. */
static const char *
fold(const char *stack)
{
  static char letters[MOST + 1];
  dm_frame frames[MOST], folded[MOST];
  unsigned count = (unsigned) strlen(stack);
  for (unsigned i = 0; i < count; i++)
    frames[i] = (dm_frame) (unsigned char) stack[i];
  unsigned left = dm_fold(frames, count, folded);
  for (unsigned i = 0; i < left; i++)
    letters[i] = (char) folded[i];
  letters[left] = '\0';
  return letters;
}

START_TEST(what_is_not_repeated_stays)
{
  static const char *const stacks[] = {
      "",       "a",           "ab",
      "aa",     "aabb",        "abab",
      "abcabc", "aabaab",      "abcdefghabcdefgh",
      "abac",   "abcdabceabcf"};
  for (unsigned i = 0; i < sizeof stacks / sizeof *stacks; i++)
    ck_assert_str_eq(fold(stacks[i]), stacks[i]);
}
END_TEST

START_TEST(a_run_is_left_twice)
{
  ck_assert_str_eq(fold("aaa"), "aa");
  ck_assert_str_eq(fold("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "aa");
  ck_assert_str_eq(fold("mxaaaaaaaaaaz"), "mxaaz");
  ck_assert_str_eq(fold("ababababab"), "abab");
  ck_assert_str_eq(fold("lababababam"), "lababam"); /* a part stays */
  ck_assert_str_eq(fold("abcabcabcabcd"), "abcabcd");
  ck_assert_str_eq(fold("aaabbbccc"), "aabbcc");
}
END_TEST

/* A recursion whose every round holds another one. */
START_TEST(runs_within_runs)
{
  ck_assert_str_eq(fold("aaabaaabaaabaaab"), "aabaab");
  ck_assert_str_eq(fold("abababcabababcabababc"), "ababcababc");
}
END_TEST

START_TEST(every_period)
{
  for (unsigned period = 1; period <= DM_FOLD_PERIOD + 1; period++)
  {
    char stack[MOST + 1] = "";
    for (unsigned i = 0; i + period < MOST; i += period)
      strncat(stack, "abcdefghijklm", period);
    unsigned left = (unsigned) strlen(fold(stack));
    if (period <= DM_FOLD_PERIOD)
      ck_assert_uint_eq(left, 2 * period);
    else
      ck_assert_uint_eq(left, strlen(stack));
  }
}
END_TEST

/* The depth of a recursion does not show in what is left of it. */
START_TEST(depths_look_alike)
{
  char first[MOST + 1] = "";
  for (unsigned depth = 3; depth < 20; depth++)
  {
    char stack[MOST + 1] = "leaf";
    for (unsigned i = 0; i < depth; i++)
      strcat(stack, "xyz");
    strcat(stack, "ma");
    if (depth == 3)
      strcpy(first, fold(stack));
    ck_assert_str_eq(fold(stack), first);
  }
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {what_is_not_repeated_stays, a_run_is_left_twice,
                                runs_within_runs,           every_period,
                                depths_look_alike,          NULL};
  return run_suite(make_suite("fold", NULL, tests));
}
