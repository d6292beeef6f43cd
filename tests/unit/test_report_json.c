/* test_report_json.c -- snapshots as JSON, byte for byte. */

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "dump/report.h"
#include "fake_books.h"
#include "report_rig.h"
#include "runner.h"

START_TEST(test_json_whole)
{
  list_callsites();
  snapshot.other = (struct dm_live){12, 3174};
  snapshot.mishaps.foreign_frees = 9;
  snapshot.suppressed = (struct dm_live){5, 70};
  snapshot.suppressed_callsites = 2;
  ck_assert_str_eq(
      json_dump(),
      "{\"dmalloc\":1,\"version\":\"1.0\",\"seq\":250,\"trigger\":\"signal\","
      "\"signal\":\"SIGUSR1\",\"time\":\"2026-11-23T01:41:37.120Z\","
      "\"uptime\":1250.000,\"pid\":4242,\"program\":\"/srv/myserver\","
      "\"host\":\"web1\",\"totals\":{\"allocations\":6123231,"
      "\"frees\":6025117,\"live\":98114,\"live_bytes\":88394957,"
      "\"peak_bytes\":95420416,\"allocated_bytes\":987654321,"
      "\"reallocs_in_place\":1204,\"reallocs_moved\":88,"
      "\"foreign_frees\":9},\"ages\":["
      "{\"from\":0,\"to\":1,\"live\":5880,\"bytes\":1153434},"
      "{\"from\":1,\"to\":10,\"live\":3913,\"bytes\":943718},"
      "{\"from\":10,\"to\":100,\"live\":3871,\"bytes\":943718},"
      "{\"from\":100,\"to\":1000,\"live\":41180,\"bytes\":42047898},"
      "{\"from\":1000,\"to\":null,\"live\":43270,\"bytes\":43306188}],"
      "\"sizes\":[{\"from\":0,\"to\":4,\"live\":19623,\"bytes\":59597},"
      "{\"from\":4,\"to\":8,\"live\":0,\"bytes\":0},"
      "{\"from\":8,\"to\":16,\"live\":0,\"bytes\":0},"
      "{\"from\":16,\"to\":32,\"live\":0,\"bytes\":0},"
      "{\"from\":32,\"to\":64,\"live\":0,\"bytes\":0},"
      "{\"from\":64,\"to\":128,\"live\":0,\"bytes\":0},"
      "{\"from\":128,\"to\":256,\"live\":0,\"bytes\":0},"
      "{\"from\":256,\"to\":512,\"live\":0,\"bytes\":0},"
      "{\"from\":512,\"to\":1024,\"live\":0,\"bytes\":0},"
      "{\"from\":1024,\"to\":2048,\"live\":0,\"bytes\":0},"
      "{\"from\":2048,\"to\":4096,\"live\":0,\"bytes\":0},"
      "{\"from\":4096,\"to\":null,\"live\":13601,\"bytes\":74448896}],"
      "\"callsites\":{\"cap\":65536,\"used\":400,\"unfreed\":312,"
      "\"growing\":1,\"suppressed\":2,\"suppressed_live\":5,"
      "\"suppressed_bytes\":70,\"other_live\":12,\"other_bytes\":3174},"
      "\"sort\":\"bytes\",\"min_age\":0,\"top\":["
      "{\"id\":1,\"live\":20480,\"bytes\":42152755,\"allocations\":20490,"
      "\"frees\":10,\"allocated_bytes\":43000000,\"reallocs_in_place\":3,"
      "\"reallocs_moved\":4,\"grown_bytes\":500,\"growth\":1258291,"
      "\"ages\":[512,4608,15360,0,0],"
      "\"age_bytes\":[524288,4718592,36909875,0,0],"
      "\"survived\":[19968,15360,0,0],\"generations\":80,"
      "\"verdict\":\"growing\",\"reason\":\"+14.1MiB a minute in blocks of "
      "100 s and more, since 01:31\",\"growth_per_minute\":14785085,"
      "\"frames\":[{\"ip\":\"0x55555555811d\",\"module\":1,"
      "\"offset\":\"0x411d\",\"symbol\":\"session_new\","
      "\"symbol_offset\":29},{\"ip\":\"0x555555558408\",\"module\":1,"
      "\"offset\":\"0x4408\",\"symbol\":\"accept_loop\","
      "\"symbol_offset\":136},{\"ip\":\"0x555555555244\",\"module\":1,"
      "\"offset\":\"0x1244\",\"symbol\":\"main\",\"symbol_offset\":68}]},"
      "{\"id\":2,\"live\":3,\"bytes\":96,\"allocations\":0,\"frees\":0,"
      "\"allocated_bytes\":0,\"reallocs_in_place\":0,\"reallocs_moved\":0,"
      "\"grown_bytes\":0,\"growth\":-3072,"
      "\"ages\":[0,0,0,0,0],\"age_bytes\":[0,0,0,0,0],"
      "\"survived\":[0,0,0,0],\"generations\":0,\"verdict\":\"startup\","
      "\"reason\":\"all born in the first minute, none after it\","
      "\"growth_per_minute\":0,\"frames\":["
      "{\"ip\":\"0x7f111119d1aa\",\"module\":0,\"offset\":\"0x8c1aa\","
      "\"symbol\":null,\"symbol_offset\":null},"
      "{\"ip\":\"0x7fdeadbeef00\",\"module\":null,\"offset\":null,"
      "\"symbol\":null,\"symbol_offset\":null},"
      "{\"ip\":\"0x555555554999\",\"module\":1,\"offset\":\"0x999\","
      "\"symbol\":null,\"symbol_offset\":null,\"interrupted\":true}]}],"
      "\"modules\":[{\"path\":\"/lib/x86_64/libc.so.6\",\"build_id\":"
      "\"9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2\","
      "\"base\":\"0x7f1111111000\"},"
      "{\"path\":\"/srv/myserver\",\"build_id\":\"9fa0a1\","
      "\"base\":\"0x555555554000\"}],"
      "\"self\":{\"table_bytes\":22439526,\"threads\":8,"
      "\"unwind_failed\":0,\"stacks_cut\":0,"
      "\"stacks_folded\":0,\"stacks_shortened\":0,\"stacks_caller_only\":0,"
      "\"callsites_reclaimed\":0,\"callsites_nameless\":0,"
      "\"coarse_threads\":0,\"dumps_cut\":0,"
      "\"broken_stamps\":0,\"nested\":0,\"verified\":0,\"differing\":0,"
      "\"degraded\":null}}\n");
}
END_TEST

START_TEST(test_json_nothing)
{
  memset(&snapshot, 0, sizeof snapshot);
  json_dump();
  has(output, "\"trigger\":\"timer\",\"signal\":null,");
  has(output, "\"time\":\"1970-01-01T00:00:00.000Z\",\"uptime\":0.000,");
  has(output, "\"program\":null,\"host\":null,");
  has(output, "\"sort\":\"bytes\",\"min_age\":0,\"top\":[],\"modules\":[],\"self\":{");
  snapshot.trigger = DM_TRIGGER_EXIT;
  has(json_dump(), "\"trigger\":\"exit\",\"signal\":null,");
  snapshot.trigger = DM_TRIGGER_CALL;
  has(json_dump(), "\"trigger\":\"call\",\"signal\":null,");
}
END_TEST

START_TEST(test_json_extremes)
{
  snapshot.live = (struct dm_live){INT64_MIN, INT64_MAX};
  snapshot.allocations = UINT64_MAX;
  snapshot.ages[0] = (struct dm_live){-1, -2};
  snapshot.uptime_ms = 61007;
  json_dump();
  has(output, "\"live\":-9223372036854775808,"
              "\"live_bytes\":9223372036854775807,");
  has(output, "\"allocations\":18446744073709551615,");
  has(output, "{\"from\":0,\"to\":1,\"live\":-1,\"bytes\":-2}");
  has(output, "\"uptime\":61.007,");
}
END_TEST

START_TEST(test_json_hostile_names)
{
  static dm_frame frames[1];
  frames[0] = fake_frame(fake_module("/tmp/\x1b\n\"\\\xff.so", 0x1000, 0), 1);
  fake_symbol(frames[0], "s\"\n\xc3", 3);
  top[0].number = fake_callsite(frames, 1);
  snapshot.listed = 1;
  snapshot.program = "a\tb\x80";
  snapshot.host = "\x01";
  snapshot.degraded = "\"why\"";
  json_dump();
  has(output, "\"path\":\"/tmp/\\u001b\\n\\\"\\\\\xef\xbf\xbd.so\","
              "\"build_id\":null,");
  has(output, "\"symbol\":\"s\\\"\\n\xef\xbf\xbd\",");
  has(output, "\"program\":\"a\\tb\xef\xbf\xbd\",\"host\":\"\\u0001\",");
  has(output, "\"degraded\":\"\\\"why\\\"\"");
  /* One line, whatever is in it. */
  ck_assert_ptr_eq(strchr(output, '\n'), output + strlen(output) - 1);
}
END_TEST

/* The second dump's modules are not those of the first. */
START_TEST(test_json_modules_anew)
{
  list_callsites();
  json_dump();
  top[0] = top[1];
  snapshot.listed = 1;
  has(json_dump(), "\"modules\":[{\"path\":\"/lib/x86_64/libc.so.6\"");
  has(output, "{\"path\":\"/srv/myserver\"");
  snapshot.listed = 0;
  has(json_dump(), "\"modules\":[],");
}
END_TEST

START_TEST(test_json_unknown_module)
{
  static dm_frame frames[1] = {(dm_frame) 77 << DM_FRAME_MODULE_SHIFT | 0x123};
  top[0].number = fake_callsite(frames, 1);
  snapshot.listed = 1;
  has(json_dump(), "{\"ip\":\"0x123\",\"module\":null,\"offset\":null,");
  has(output, "\"modules\":[],");
}
END_TEST

START_TEST(test_json_last_module)
{
  static dm_frame frames[2];
  for (unsigned i = 1; i <= 4095; i++)
    fake_module("/m", 0x1000, 0);
  frames[0] = fake_frame(4095, 7);
  frames[1] = fake_frame(1, 8);
  top[0].number = fake_callsite(frames, 2);
  snapshot.listed = 1;
  has(json_dump(), "{\"ip\":\"0x1007\",\"module\":1,");
  has(output, "{\"ip\":\"0x1008\",\"module\":0,");
}
END_TEST

/* Writes the dumps for a reader that is not ours: see below. */
static void
is_json_for_python(void)
{
  FILE *pipe = popen("python3 -c 'import json, sys\n"
                     "lines = sys.stdin.read().splitlines()\n"
                     "assert len(lines) == 1, lines\n"
                     "json.loads(lines[0], parse_constant=None)'",
                     "w");
  ck_assert_ptr_nonnull(pipe);
  fputs(json_dump(), pipe);
  ck_assert_int_eq(pclose(pipe), 0);
}

START_TEST(test_json_is_json)
{
  list_callsites();
  snapshot.program = "/tmp/\x01\x1f\x7f\xff\xc3\xbc\"\\\n";
  is_json_for_python();
  memset(&snapshot, 0, sizeof snapshot);
  is_json_for_python();
}
END_TEST

static char drained[1 << 16];

static void
drain(struct dm_text *text)
{
  strncat(drained, text->data, text->length);
  text->length = 0;
}

/* A small buffer gives the same dump as a large one. */
START_TEST(test_drained)
{
  char small[7];
  struct dm_text text;
  list_callsites();
  dm_text_init(&text, small, sizeof small);
  text.drain = drain;
  dm_report_json(&text, &snapshot);
  dm_text_flush(&text);
  ck_assert_str_eq(drained, json_dump());
  drained[0] = '\0';
  dm_report_text(&text, &snapshot);
  dm_text_flush(&text);
  ck_assert_str_eq(drained, text_dump());
}
END_TEST

static Suite *
make_report_json_suite(void)
{
  Suite *suite = suite_create("report_json");
  TCase *tests = tcase_create("all");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, rig_setup, NULL);
  tcase_add_test(tests, test_json_whole);
  tcase_add_test(tests, test_json_nothing);
  tcase_add_test(tests, test_json_extremes);
  tcase_add_test(tests, test_json_hostile_names);
  tcase_add_test(tests, test_json_modules_anew);
  tcase_add_test(tests, test_json_unknown_module);
  tcase_add_test(tests, test_json_last_module);
  tcase_add_test(tests, test_json_is_json);
  tcase_add_test(tests, test_drained);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_report_json_suite());
}
