/* report_rig.c -- what the tests of the reports share. */

#include "report_rig.h"

#include <check.h>
#include <string.h>

#include "dump/report.h"
#include "fake_books.h"

struct dm_snapshot snapshot;
struct dm_callsite_figures top[TOP];
char output[1 << 20];

void
rig_setup(void)
{
  static const struct dm_live ages[DM_AGE_ROWS] = {{5880, 1153434},
                                                   {3913, 943718},
                                                   {3871, 943718},
                                                   {41180, 42047898},
                                                   {43270, 43306188}};
  fake_books_reset();
  memset(top, 0, sizeof top);
  snapshot = (struct dm_snapshot){
      .sequence = 250,
      .trigger = DM_TRIGGER_SIGNAL,
      .signal = 10,
      .time_ms = 1795398097120,
      .uptime_ms = 1250000,
      .pid = 4242,
      .program = "/srv/myserver",
      .host = "web1",
      .allocations = 6123231,
      .frees = 6025117,
      .allocated_bytes = 987654321,
      .peak_bytes = 95420416,
      .live = {98114, 88394957},
      .in_place = 1204,
      .moved = 88,
      .callsites_cap = 65536,
      .table = {.in_use = 400},
      .unfreed = 312,
      .top = top,
      .sort = DM_SORT_BYTES,
      .now = 1251,
      .table_bytes = 22439526,
      .ledgers = 8,
  };
  memcpy(snapshot.ages, ages, sizeof ages);
  snapshot.sizes[0] = (struct dm_live){19623, 59597};
  snapshot.sizes[11] = (struct dm_live){13601, 74448896};
}

const char *
text_dump(void)
{
  struct dm_text text;
  dm_text_init(&text, output, sizeof output - 1);
  dm_report_text(&text, &snapshot);
  ck_assert(!text.cut);
  output[text.length] = '\0';
  return output;
}

const char *
json_dump(void)
{
  struct dm_text text;
  dm_text_init(&text, output, sizeof output - 1);
  dm_report_json(&text, &snapshot);
  ck_assert(!text.cut);
  output[text.length] = '\0';
  return output;
}

void
has(const char *dump, const char *part)
{
  ck_assert_msg(strstr(dump, part), "no \"%s\" in:\n%s", part, dump);
}

void
has_not(const char *dump, const char *part)
{
  ck_assert_msg(!strstr(dump, part), "\"%s\" in:\n%s", part, dump);
}

void
list_callsites(void)
{
  static dm_frame first[3], second[3];
  fake_module("/lib/unused.so", 0x7f0000000000, 4);
  unsigned libc = fake_module("/lib/x86_64/libc.so.6", 0x7f1111111000, 20);
  fake_module("/lib/unused2.so", 0x7f2000000000, 4);
  unsigned program = fake_module("/srv/myserver", 0x555555554000, 3);
  first[0] = fake_frame(program, 0x411d);
  first[1] = fake_frame(program, 0x4408);
  first[2] = fake_frame(program, 0x1244);
  second[0] = fake_frame(libc, 0x8c1aa);
  second[1] = fake_frame(0, 0x7fdeadbeef00);
  second[2] = fake_frame(program, 0x999) | DM_FRAME_INTERRUPTED;
  fake_symbol(first[0], "session_new", 0x1d);
  fake_symbol(first[1], "accept_loop", 0x88);
  fake_symbol(first[2], "main", 0x44);
  top[0] = (struct dm_callsite_figures){
      .number = fake_callsite(first, 3),
      .live = {20480, 42152755},
      .allocations = 20490,
      .allocated_bytes = 43000000,
      .frees = 10,
      .in_place = 3,
      .moved = 4,
      .grown_bytes = 500,
      .growth = 1258291,
      .ages = {{512, 524288}, {4608, 4718592}, {15360, 36909875}},
      .survived = {19968, 15360, 0, 0},
      .generations = 80,
      .counted = {20480, 42152755},
      .verdict = {.word = DM_GROWING,
                  .cause = DM_OLD_GROWS,
                  .growth_per_minute = 14785085,
                  .since = 651},
  };
  top[1] = (struct dm_callsite_figures){
      .number = fake_callsite(second, 3),
      .live = {3, 96},
      .growth = -3072,
      .counted = {3, 96},
      .verdict = {.word = DM_STARTUP, .cause = DM_BORN_EARLY},
  };
  snapshot.listed = 2;
  snapshot.growing = 1;
}
