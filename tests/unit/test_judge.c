/* test_judge.c -- what the list of callsites is made from, and in which words
   verdicts are told. */

#include "dump/judge.h"

#include <string.h>

#include "dump/history.h"
#include "dump/suppress.h"
#include "runner.h"

enum
{
  SITES = 5
};
static struct dm_callsite_figures sites[SITES];
static struct dm_snapshot snapshot;
static uint32_t hidden; /* the callsite that is suppressed */

void
dm_suppress_learn(const struct dm_callsite_figures *figures, uint32_t count)
{
  (void) figures;
  (void) count;
}

bool
dm_suppress_matches(uint32_t number, bool growing)
{
  (void) growing;
  return number == hidden;
}

/* SITES callsites, the third without a live block. */
static void
setup(void)
{
  memset(&snapshot, 0, sizeof snapshot);
  ck_assert_int_eq(dm_history_init(100), 0);
  for (uint32_t i = 0; i < SITES; i++)
  {
    struct dm_callsite_figures *site = &sites[i];
    *site = (struct dm_callsite_figures){.number = i + 1};
    if (i == 2)
      continue;
    site->live = (struct dm_live){10, 1000};
    site->ages[2] = (struct dm_live){10, 1000};
    site->births[12] = 4;
    site->births[18] = 6; /* 90 to 99 s */
  }
}

START_TEST(who_is_listed)
{
  hidden = 2;
  sites[3].ages[3] = (struct dm_live){1, 100}; /* old, for how long? */
  sites[3].births[19] = 1;
  ck_assert_uint_eq(dm_judge(&snapshot, sites, SITES, 100, 0), 3);
  ck_assert_uint_eq(sites[0].number, 1);
  ck_assert_uint_eq(sites[1].number, 4);
  ck_assert_uint_eq(sites[2].number, 5);
  ck_assert_uint_eq(snapshot.unfreed, 3);
  ck_assert_uint_eq(snapshot.suppressed_callsites, 1);
  ck_assert_int_eq(snapshot.suppressed.count, 10);
  ck_assert_int_eq(snapshot.suppressed.bytes, 1000);
  ck_assert_uint_eq(snapshot.growing, 0);
  ck_assert_uint_eq(snapshot.undecided, 1);
  ck_assert_uint_eq(snapshot.now, 100);
  ck_assert_int_eq(sites[0].counted.bytes, 1000);
}
END_TEST

START_TEST(old_enough)
{
  sites[4].births[18] = 0;
  ck_assert_uint_eq(dm_judge(&snapshot, sites, SITES, 100, 85), 3);
  ck_assert_uint_eq(snapshot.unfreed, 4);
  ck_assert_uint_eq(snapshot.min_age_s, 85);
  ck_assert_int_eq(sites[0].counted.count, 6);
  ck_assert_int_eq(sites[0].counted.bytes, 600);
  ck_assert_int_eq(sites[0].live.bytes, 1000);
}
END_TEST

/* What is told of all is counted over all, whatever the list leaves out. */
START_TEST(judged)
{
  hidden = 0;
  sites[1].frees = 100; /* churn: none of them got old */
  ck_assert_uint_eq(dm_judge(&snapshot, sites, SITES, 200, 1000), 0);
  ck_assert_uint_eq(snapshot.unfreed, 4);
  ck_assert_uint_eq(snapshot.judged, 1);
  ck_assert_uint_eq(snapshot.undecided, 0);
  hidden = 2;
  setup();
  sites[1].frees = 100;
  dm_judge(&snapshot, sites, SITES, 200, 0);
  ck_assert_uint_eq(snapshot.judged, 0);
}
END_TEST

START_TEST(aged)
{
  struct dm_callsite_figures *site = &sites[0];
  site->ages[4] = (struct dm_live){2, 77};
  site->births[28] = 2;
  site->live = (struct dm_live){12, 1077};
  static const struct
  {
    uint64_t age;
    int64_t count, bytes;
  } cases[] = {{0, 12, 1077}, {1, 12, 1077}, {10, 12, 1077}, {30, 12, 1077},
               {31, 8, 677},  {90, 8, 677},  {91, 2, 77},    {1000, 2, 77}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
  {
    struct dm_live aged = dm_judge_aged(site, cases[i].age);
    ck_assert_msg(aged.count == cases[i].count && aged.bytes == cases[i].bytes,
                  "%lu: %ld %ld", cases[i].age, aged.count, aged.bytes);
  }
}
END_TEST

/* VERDICT in words, in slice 100,000 at noon of a day. */
static const char *
reason(struct dm_verdict verdict)
{
  static char words[200];
  struct dm_text text;
  dm_text_init(&text, words, sizeof words - 1);
  dm_verdict_reason(&text, &verdict, 100000, UINT64_C(1795435200000));
  ck_assert(!text.cut);
  words[text.length] = '\0';
  return words;
}

START_TEST(words)
{
  ck_assert_str_eq(reason((struct dm_verdict){DM_GROWING, DM_OLD_GROWS, 1258291,
                                              96400, 0, 0, 0}),
                   "+1.2MiB a minute in blocks of 100 s and more, since 11:00");
  ck_assert_str_eq(
      reason(
          (struct dm_verdict){DM_GROWING, DM_OLDER_GROWS, 100, 10000, 0, 0, 0}),
      "+100B a minute in blocks of 1000 s and more, since 2026-11-22 11:00");
  ck_assert_str_eq(reason((struct dm_verdict){DM_GROWING, DM_SIZE_GROWS, 100,
                                              99999, 0, 0, 0}),
                   "+100B a minute by realloc of the same blocks, since 11:59");
  ck_assert_str_eq(
      reason(
          (struct dm_verdict){DM_GROWING, DM_BORN_EVENLY, 100, 99999, 0, 0, 0}),
      "+100B a minute in blocks of 100 s and more, as many of each "
      "age, since 11:59");
  ck_assert_str_eq(
      reason((struct dm_verdict){DM_STEADY, DM_NONE_ADDED, 0, 0, 119, 0, 0}),
      "nothing that stayed was added for 119 s");
  ck_assert_str_eq(
      reason((struct dm_verdict){DM_STEADY, DM_COME_AND_GO, 0, 0, 450, 5000,
                                 4980}),
      "5,000 blocks turned 100 s old in 7 min, and 4,980 such were freed");
  ck_assert_str_eq(
      reason((struct dm_verdict){DM_STEADY, DM_AS_BEFORE, 0, 0, 0, 0, 0}),
      "rises as it did before it was dropped");
  ck_assert_str_eq(
      reason((struct dm_verdict){DM_STARTUP, DM_BORN_EARLY, 0, 0, 0, 0, 0}),
      "all born in the first minute, none after it");
  ck_assert_str_eq(
      reason((struct dm_verdict){DM_CHURN, DM_FEW_SURVIVE, 0, 0, 0, 12, 61000}),
      "12 of 61,000 blocks reached 100 s");
  ck_assert_str_eq(
      reason((struct dm_verdict){DM_TOO_EARLY, DM_NOTHING_OLD, 0, 0, 0, 0, 0}),
      "no block is 100 s old yet");
  ck_assert_str_eq(reason((struct dm_verdict){DM_TOO_EARLY, DM_WATCHED_SHORT, 0,
                                              0, 125, 0, 0}),
                   "old blocks watched for 125 s, it takes 450 s");
}
END_TEST

START_TEST(spans)
{
  static const struct
  {
    uint32_t seconds;
    const char *end;
  } cases[] = {{0, " 0 s"},         {120, " 2 min"},   {7199, " 119 min"},
               {7200, " 2 h"},      {172799, " 47 h"}, {172800, " 2 days"},
               {900000, " 10 days"}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    ck_assert_ptr_nonnull(
        strstr(reason((struct dm_verdict){DM_STEADY, DM_NONE_ADDED, 0, 0,
                                          cases[i].seconds, 0, 0}),
               cases[i].end));
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {who_is_listed, old_enough, judged, aged,
                                words,         spans,      NULL};
  return run_suite(make_suite("judge", setup, tests));
}
