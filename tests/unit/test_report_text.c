/* test_report_text.c -- snapshots as text, byte for byte. */

#include <check.h>
#include <string.h>

#include "dump/report.h"
#include "fake_books.h"
#include "report_rig.h"
#include "runner.h"

START_TEST(test_text_whole)
{
  list_callsites();
  snapshot.other = snapshot.suppressed = (struct dm_live){12, 3174};
  snapshot.suppressed_callsites = 2;
  ck_assert_str_eq(
      text_dump(),
      ">>>>>>>>>>>>> Mon Nov 23 01:41:37 UTC 2026 <<<<<<<<<<<\n"
      "dmalloc 1.0: myserver, pid 4242, up 1,250.0 s, dump 250, on SIGUSR1\n"
      "Overall stats:\n"
      "6,123,231 Overall allocations since start\n"
      "84.3MiB Current total allocated size\n"
      "98,114 Current allocations\n"
      "91.0MiB Peak total allocated size\n"
      "1,204 Reallocations in place, 88 moved\n"
      "Current allocations by size: ( # = 393 current allocations)\n"
      "0 - 4 bytes: ##################################################  "
      "19,623, 58.2KiB\n"
      "4 - 8 bytes:   0, 0B\n"
      "8 - 16 bytes:   0, 0B\n"
      "16 - 32 bytes:   0, 0B\n"
      "32 - 64 bytes:   0, 0B\n"
      "64 - 128 bytes:   0, 0B\n"
      "128 - 256 bytes:   0, 0B\n"
      "256 - 512 bytes:   0, 0B\n"
      "512 - 1024 bytes:   0, 0B\n"
      "1024 - 2048 bytes:   0, 0B\n"
      "2048 - 4096 bytes:   0, 0B\n"
      "4096 + bytes: ###################################  13,601, 71.0MiB\n"
      "Current allocations by age: ( # = 866 current allocations)\n"
      "< 1 sec: #######  5,880, 1.1MiB\n"
      "< 10 sec: #####  3,913, 921.6KiB\n"
      "< 100 sec: ####  3,871, 921.6KiB\n"
      "< 1000 sec: ################################################  41,180, "
      "40.1MiB\n"
      "> 1000 sec: ##################################################  43,270, "
      "41.3MiB\n"
      "Top 2 unfreed callsites by bytes, of 312: 1 is growing, look at 1 "
      "first\n"
      " 1. 40.2MiB in 20,480 allocations, +1.2MiB since dump 249 -- growing: "
      "+14.1MiB a minute in blocks of 100 s and more, since 01:31\n"
      "        age: < 1 sec 512 | < 10 sec 4,608 | < 100 sec 15,360 | "
      "< 1000 sec 0 | > 1000 sec 0\n"
      "        survived: 99% to 1 s, 99% to 10 s, 0% to 100 s, 0% to 1000 s\n"
      "        session_new+0x1d (myserver+0x411d)\n"
      "        accept_loop+0x88 (myserver+0x4408)\n"
      "        main+0x44 (myserver+0x1244)\n"
      " 2. 96B in 3 allocations, -3.0KiB since dump 249 -- startup: all born "
      "in the first minute, none after it\n"
      "        age: < 1 sec 0 | < 10 sec 0 | < 100 sec 0 | < 1000 sec 0 | "
      "> 1000 sec 0\n"
      "        libc.so.6+0x8c1aa\n"
      "        0x7fdeadbeef00\n"
      "        myserver+0x999\n"
      "(suppressed): 12 blocks, 3.1KiB at 2 callsites\n"
      "(other): 12 blocks, 3.1KiB at callsites past the cap\n"
      "dmalloc itself: 21.4MiB of tables, 0 unwinds failed, "
      "0 dumps cut short\n");
}
END_TEST

START_TEST(test_text_triggers)
{
  snapshot.trigger = DM_TRIGGER_TIMER;
  has(text_dump(), ", dump 250, on the timer\nOverall stats:\n");
  snapshot.trigger = DM_TRIGGER_EXIT;
  has(text_dump(), ", dump 250, at exit\n");
  snapshot.trigger = DM_TRIGGER_CALL;
  has(text_dump(), ", dump 250, on a call\n");
  snapshot.trigger = DM_TRIGGER_SIGNAL;
  snapshot.signal = 39;
  has(text_dump(), ", dump 250, on SIGRTMIN+5\n");
}
END_TEST

START_TEST(test_text_first_dump)
{
  list_callsites();
  snapshot.sequence = 1;
  has(text_dump(), " 1. 40.2MiB in 20,480 allocations -- growing: ");
  has_not(output, "since dump");
  snapshot.sequence = 2;
  top[0].growth = 0;
  has(text_dump(), " 1. 40.2MiB in 20,480 allocations, +0B since dump 1 -- ");
}
END_TEST

START_TEST(test_text_nothing_listed)
{
  snapshot.unfreed = 0;
  has(text_dump(), "Top 0 unfreed callsites by bytes, of 0:\ndmalloc itself: ");
  has_not(output, "(other)");
  snapshot.sort = DM_SORT_COUNT;
  has(text_dump(), " callsites by count, of");
  snapshot.sort = DM_SORT_OLD;
  has(text_dump(), " callsites by old bytes, of");
  snapshot.sort = DM_SORT_GROWTH;
  has(text_dump(), " callsites by growth, of");
}
END_TEST

START_TEST(test_text_many_listed)
{
  for (unsigned i = 0; i < 120; i++)
    top[i].counted = (struct dm_live){i, i};
  snapshot.listed = 120;
  snapshot.unfreed = 1234567;
  has(text_dump(), "Top 120 unfreed callsites by bytes, of 1,234,567: "
                   "too early to tell which are growing\n");
  has(output, "\n 9. 8B in 8 allocations");
  has(output, "\n10. 9B in 9 allocations");
  has(output, "\n120. 119B in 119 allocations");
}
END_TEST

/* What the heading advises. */
START_TEST(test_text_growing)
{
  snapshot.listed = 6;
  has(text_dump(), ", of 312: too early to tell which are growing\n");
  /* One is judged, but not listed. */
  snapshot.judged = 1;
  has(text_dump(), ", of 312: no callsite is growing\n");
  snapshot.listed = 0;
  has(text_dump(), "Top 0 unfreed callsites by bytes, of 312: no callsite is "
                   "growing\n");
  snapshot.listed = 6;
  snapshot.undecided = 2;
  has(text_dump(), ": 2 too early to tell, no other is growing\n");
  snapshot.undecided = 0;
  top[5].verdict = (struct dm_verdict){DM_GROWING, DM_OLD_GROWS,
                                           .growth_per_minute = 50};
  snapshot.growing = 1;
  has(text_dump(), ", of 312: 1 is growing, look at 6 first\n");
  top[0].verdict = (struct dm_verdict){DM_GROWING, DM_OLD_GROWS,
                                           .growth_per_minute = 10};
  snapshot.growing = 2;
  has(text_dump(), ": 2 are growing, look at 1 and 6 first\n");
  top[2].verdict = (struct dm_verdict){DM_GROWING, DM_OLD_GROWS,
                                           .growth_per_minute = 20};
  snapshot.growing = 4;
  has(text_dump(), ": 4 are growing, look at 1, 3 and 6 first\n");
  /* The slowest makes room for a faster one. */
  top[3].verdict = (struct dm_verdict){DM_GROWING, DM_OLD_GROWS,
                                           .growth_per_minute = 30};
  has(text_dump(), ": 4 are growing, look at 3, 4 and 6 first\n");
  snapshot.listed = 0;
  has(text_dump(), "Top 0 unfreed callsites by bytes, of 312: 4 are growing, "
                   "not listed here: dmalloc-dump --all 4242 lists all\n");
  snapshot.min_age_s = 1000;
  has(text_dump(), ", of 312: in blocks of 1,000 s and more; 4 are growing, ");
}
END_TEST

START_TEST(test_text_survived)
{
  snapshot.listed = 1;
  top[0].allocations = 100000;
  top[0].ages[0].count = 0;
  memcpy(top[0].survived, (uint64_t[]){100000, 12345, 3049, 12},
         sizeof top[0].survived);
  has(text_dump(), "        survived: 100% to 1 s, 12% to 10 s, 3.0% to 100 s, "
                   "<0.1% to 1000 s\n");
  top[0].survived[0] = 99999;
  has(text_dump(), "        survived: 99% to 1 s, 12%");
  /* Of those that are too young nothing is known. */
  top[0].ages[2].count = 93902;
  has(text_dump(), ", 50% to 100 s, ");
  top[0].ages[2].count = 100000;
  has(text_dump(), "        survived: 99% to 1 s, 12% to 10 s\n");
  snapshot.uptime_ms = 9999;
  has(text_dump(), "        survived: 99% to 1 s\n");
  top[0].allocations = UINT64_MAX;
  memset(top[0].survived, 0xff, sizeof top[0].survived);
  has(text_dump(), "        survived: 100% to 1 s\n");
}
END_TEST

START_TEST(test_text_mishaps)
{
  snapshot.dumps_cut = 1;
  snapshot.table.cut = 4;
  snapshot.mishaps = (struct dm_mishaps){
      .foreign_frees = 1000,
      .broken_stamps = 2,
      .unwind_failed = 3,
      .nested = 5,
      .verified = 6,
      .differing = 7,
  };
  snapshot.degraded = "no memory\x1b for a ledger";
  has(text_dump(),
      "\n(degraded): no memory\\x1b for a ledger\n"
      "dmalloc itself: 21.4MiB of tables, 3 unwinds failed, 1 dumps cut short, "
      "1,000 foreign frees, 2 broken stamps, 4 stacks cut, "
      "5 nested allocations, 6 stacks verified, 7 stacks differing\n");
}
END_TEST

START_TEST(test_text_hostile_names)
{
  static dm_frame frames[2];
  frames[0] = fake_frame(fake_module("/tmp/a\x1b[2J\n>>>> b.so", 0x1000, 0), 1);
  frames[1] = fake_frame(1, 2);
  fake_symbol(frames[1],
              "evil\n\x9b"
              "1m\x7f",
              3);
  top[0].number = fake_callsite(frames, 2);
  snapshot.listed = 1;
  snapshot.program = "/tmp/x\n\x1b]0;y\a";
  has(text_dump(), "dmalloc 1.0: x\\x0a\\x1b]0;y\\x07, pid 4242");
  has(output, "        a\\x1b[2J\\x0a>>>> b.so+0x1\n");
  has(output,
      "        evil\\x0a\\x9b1m\\x7f+0x3 (a\\x1b[2J\\x0a>>>> b.so+0x2)");
}
END_TEST

START_TEST(test_text_odd_names)
{
  static dm_frame frames[4];
  frames[0] = fake_frame(fake_module("", 0x1000, 0), 1);
  frames[1] = fake_frame(fake_module(NULL, 0x1000, 0), 2);
  frames[2] = fake_frame(fake_module("linux-vdso.so.1", 0x1000, 0), 3);
  frames[3] = (dm_frame) 77 << DM_FRAME_MODULE_SHIFT | 0x1234; /* unknown */
  top[0].number = fake_callsite(frames, 4);
  snapshot.listed = 1;
  snapshot.program = NULL;
  has(text_dump(), "dmalloc 1.0: ?, pid 4242");
  has(output, "        ?+0x1\n        ?+0x2\n        linux-vdso.so.1+0x3\n"
              "        0x1234\n");
  snapshot.program = "/";
  has(text_dump(), "dmalloc 1.0: /, pid 4242");
}
END_TEST

/* The marks of the row that starts with LABEL. */
static size_t
marks(const char *label)
{
  const char *row = strstr(output, label);
  ck_assert_ptr_nonnull(row);
  return strspn(row + strlen(label), "#");
}

static void
set_ages(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e)
{
  int64_t counts[DM_AGE_ROWS] = {a, b, c, d, e};
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
    snapshot.ages[i] = (struct dm_live){counts[i], 0};
  text_dump();
}

START_TEST(test_bars)
{
  set_ages(0, 0, 0, 0, 0);
  has(output, "by age: ( # = 1 current allocations)\n< 1 sec:   0, 0B\n");
  set_ages(1, 2, 49, 50, 0);
  has(output, "by age: ( # = 1 current allocations)\n< 1 sec: #  1, 0B\n"
              "< 10 sec: ##  2, 0B\n");
  ck_assert_uint_eq(marks("< 100 sec: "), 49);
  ck_assert_uint_eq(marks("< 1000 sec: "), 50);
  set_ages(51, 50, 3, 1, 0);
  has(output, "by age: ( # = 2 current allocations)\n");
  ck_assert_uint_eq(marks("< 1 sec: "), 26); /* 25.5 */
  ck_assert_uint_eq(marks("< 10 sec: "), 25);
  ck_assert_uint_eq(marks("< 100 sec: "), 2);
  ck_assert_uint_eq(marks("< 1000 sec: "), 1);
  set_ages(100000, 1, 999, 1000, 3000);
  has(output, "by age: ( # = 2,000 current allocations)\n");
  ck_assert_uint_eq(marks("< 1 sec: "), 50);
  ck_assert_uint_eq(marks("< 10 sec: "), 1); /* something is not nothing */
  ck_assert_uint_eq(marks("< 100 sec: "), 1);
  ck_assert_uint_eq(marks("< 1000 sec: "), 1);
  ck_assert_uint_eq(marks("> 1000 sec: "), 2); /* 1.5 */
}
END_TEST

START_TEST(test_bars_of_odd_counts)
{
  set_ages(-5, 1000, 0, 0, 0);
  has(output, "\n< 1 sec:   -5, 0B\n");
  has(output, "by age: ( # = 20 current allocations)\n");
  set_ages(INT64_MAX, INT64_MIN, INT64_MAX / 2, 1, 0);
  has(output, "by age: ( # = 184,467,440,737,095,517 current");
  ck_assert_uint_eq(marks("< 1 sec: "), 50);
  ck_assert_uint_eq(marks("< 10 sec: "), 0);
  ck_assert_uint_eq(marks("< 100 sec: "), 25);
  has(output, "  -9,223,372,036,854,775,808, 0B\n");
  for (int64_t most = 1; most < 12000; most++)
  {
    set_ages(most, 0, 0, 0, 0);
    ck_assert_uint_le(marks("< 1 sec: "), 50);
    ck_assert_uint_ge(marks("< 1 sec: "), most < 25 ? (size_t) most : 25);
  }
}
END_TEST

static Suite *
make_report_text_suite(void)
{
  Suite *suite = suite_create("report_text");
  TCase *tests = tcase_create("all");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, rig_setup, NULL);
  tcase_add_test(tests, test_text_whole);
  tcase_add_test(tests, test_text_triggers);
  tcase_add_test(tests, test_text_first_dump);
  tcase_add_test(tests, test_text_nothing_listed);
  tcase_add_test(tests, test_text_many_listed);
  tcase_add_test(tests, test_text_growing);
  tcase_add_test(tests, test_text_survived);
  tcase_add_test(tests, test_text_mishaps);
  tcase_add_test(tests, test_text_hostile_names);
  tcase_add_test(tests, test_text_odd_names);
  tcase_add_test(tests, test_bars);
  tcase_add_test(tests, test_bars_of_odd_counts);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_report_text_suite());
}
