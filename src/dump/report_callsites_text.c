/* report_callsites_text.c -- the callsites of the text report.

   The heading says what to look at first; each callsite what it holds, whether
   it grows and why, how old its blocks are, how many got so old, and who
   allocated. */

#include <string.h>

#include "books/ages.h"
#include "books/callsites.h"
#include "books/modules.h"
#include "dump/report_callsites.h"
#include "dump/report_words.h"
#include "dump/symbols.h"
#include "dump/verdict.h"

/* Places in the list that the heading names. */
enum
{
  LOOK_AT_MOST = 3
};

/* "symbol+0x1d (module+0x411d)", or as much of it as is known. */
static void
put_frame(struct dm_text *text, dm_frame frame)
{
  const struct dm_module *module = NULL;
  struct dm_symbol symbol;
  unsigned number = dm_frame_module(frame);
  if (number >= 1 && number <= dm_modules_count())
    module = dm_module(number);
  bool named = dm_symbols_find(frame, &symbol);
  if (named)
  {
    dm_text_printable(text, symbol.name);
    dm_text_char(text, '+');
    dm_text_hex(text, symbol.offset);
    dm_text_string(text, " (");
  }
  if (module)
  {
    dm_put_base_name(text, module->path);
    dm_text_char(text, '+');
  }
  dm_text_hex(text, dm_frame_address(frame) - (module ? module->base : 0));
  if (named)
    dm_text_char(text, ')');
}

/* ------------------------------------------------------------------------
   One callsite. */

/* "40.2MiB in 20,480 allocations, +1.2MiB since dump 249 -- growing: ...". */
static void
put_callsite_heading(struct dm_text *text, const struct dm_snapshot *snapshot,
                     const struct dm_callsite_figures *site)
{
  dm_put_sized(text, site->counted.bytes, " in ");
  dm_text_grouped(text, site->counted.count);
  dm_text_string(text, " allocations");
  if (snapshot->sequence > 1)
  {
    dm_text_string(text, site->growth < 0 ? ", " : ", +");
    dm_put_sized(text, site->growth, " since dump ");
    dm_text_unsigned(text, snapshot->sequence - 1);
  }
  dm_text_string(text, " -- ");
  dm_text_string(text, dm_verdict_words[site->verdict.word]);
  dm_text_string(text, ": ");
  dm_verdict_reason(text, &site->verdict, snapshot->now, snapshot->time_ms);
  dm_text_char(text, '\n');
}

/* "        age: < 1 sec 512 | < 10 sec 4,608 | ... | > 1000 sec 0". */
static void
put_age_row(struct dm_text *text, const struct dm_live rows[DM_AGE_ROWS])
{
  dm_text_string(text, "        age: ");
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    bool last = i + 1 == DM_AGE_ROWS;
    dm_text_string(text, last ? "> " : "< ");
    dm_text_unsigned(text, dm_age_row_start(last ? i : i + 1));
    dm_text_string(text, " sec ");
    dm_text_grouped(text, rows[i].count);
    dm_text_string(text, last ? "\n" : " | ");
  }
}

/* PART of WHOLE: "100%", "12%", with a decimal below ten, and never 0 nor 100
   unless it is none or all. */
static void
put_percent(struct dm_text *text, uint64_t part, uint64_t whole)
{
  uint64_t shift = 0;
  while (whole >> shift > UINT64_MAX / 1000)
    shift++;
  uint64_t tenths = (part >> shift) * 1000 / (whole >> shift);
  if (part >= whole)
    dm_text_string(text, "100%");
  else if (tenths >= 100 || part == 0)
  {
    dm_text_unsigned(text, tenths / 10);
    dm_text_char(text, '%');
  }
  else
  {
    dm_text_string(text, tenths == 0 ? "<0.1" : "");
    if (tenths > 0)
    {
      dm_text_unsigned(text, tenths / 10);
      dm_text_char(text, '.');
      dm_text_unsigned(text, tenths % 10);
    }
    dm_text_char(text, '%');
  }
}

/* "        survived: 99% to 1 s, 12% to 10 s, 3.0% to 100 s, ...", of the
   blocks of which it is known: those that are gone or old enough. No row for an
   age that no block can have yet. */
static void
put_survived_row(struct dm_text *text, const struct dm_callsite_figures *site,
                 uint64_t uptime_s)
{
  int64_t young = 0;
  bool any = false;
  for (unsigned i = 0;
       i < DM_AGE_ROWS - 1 && dm_age_row_start(i + 1) <= uptime_s; i++)
  {
    young += site->ages[i].count;
    uint64_t known = site->allocations - (uint64_t) (young > 0 ? young : 0);
    if (known == 0 || known > site->allocations)
      break;
    dm_text_string(text, any ? ", " : "        survived: ");
    put_percent(text, site->survived[i], known);
    dm_text_string(text, " to ");
    dm_text_unsigned(text, dm_age_row_start(i + 1));
    dm_text_string(text, " s");
    any = true;
  }
  if (any)
    dm_text_char(text, '\n');
}

static void
put_callsite(struct dm_text *text, const struct dm_snapshot *snapshot,
             unsigned rank)
{
  const struct dm_callsite_figures *site = &snapshot->top[rank - 1];
  unsigned count = 0;
  const dm_frame *frames = dm_callsite_frames(site->number, &count);
  if (rank < 10)
    dm_text_char(text, ' ');
  dm_text_unsigned(text, rank);
  dm_text_string(text, ". ");
  put_callsite_heading(text, snapshot, site);
  put_age_row(text, site->ages);
  put_survived_row(text, site, snapshot->uptime_ms / 1000);
  for (unsigned i = 0; i < count; i++)
  {
    dm_text_repeat(text, ' ', 8);
    put_frame(text, frames[i]);
    dm_text_char(text, '\n');
  }
}

/* ------------------------------------------------------------------------
   What to look at first. */

/* The places of the callsites that grow fastest, at most LOOK_AT_MOST of them,
   in the order of the list. Returns how many. */
static unsigned
find_growing(const struct dm_snapshot *snapshot, unsigned ranks[LOOK_AT_MOST])
{
  unsigned found = 0;
  for (unsigned rank = 1; rank <= snapshot->listed; rank++)
  {
    const struct dm_verdict *verdict = &snapshot->top[rank - 1].verdict;
    if (verdict->word != DM_GROWING)
      continue;
    if (found < LOOK_AT_MOST)
    {
      ranks[found++] = rank;
      continue;
    }
    /* In place of the slowest, if that is slower. */
    unsigned slowest = 0;
    for (unsigned i = 1; i < LOOK_AT_MOST; i++)
      if (snapshot->top[ranks[i] - 1].verdict.growth_per_minute <
          snapshot->top[ranks[slowest] - 1].verdict.growth_per_minute)
        slowest = i;
    if (snapshot->top[ranks[slowest] - 1].verdict.growth_per_minute >=
        verdict->growth_per_minute)
      continue;
    memmove(&ranks[slowest], &ranks[slowest + 1],
            (LOOK_AT_MOST - slowest - 1) * sizeof *ranks);
    ranks[LOOK_AT_MOST - 1] = rank;
  }
  return found;
}

/* "2 are growing, look at 1 and 4 first". */
static void
put_growing(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  unsigned ranks[LOOK_AT_MOST];
  unsigned found = find_growing(snapshot, ranks);
  dm_put_count(text, snapshot->growing,
               snapshot->growing == 1 ? " is growing, " : " are growing, ");
  if (found == 0)
  {
    dm_text_string(text, "not listed here: dmalloc-dump --all ");
    dm_text_unsigned(text, (uint64_t) snapshot->pid);
    dm_text_string(text, " lists all");
    return;
  }
  dm_text_string(text, "look at ");
  for (unsigned i = 0; i < found; i++)
  {
    if (i > 0)
      dm_text_string(text, i + 1 < found ? ", " : " and ");
    dm_text_unsigned(text, ranks[i]);
  }
  dm_text_string(text, " first");
}

static void
put_advice(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  if (snapshot->min_age_s > 0)
  {
    dm_text_string(text, " in blocks of ");
    dm_put_count(text, snapshot->min_age_s, " s and more;");
  }
  if (snapshot->unfreed == 0)
    return;
  dm_text_char(text, ' ');
  if (snapshot->growing > 0)
    put_growing(text, snapshot);
  else if (snapshot->judged == 0)
    dm_text_string(text, "too early to tell which are growing");
  else if (snapshot->undecided > 0)
    dm_put_count(text, snapshot->undecided,
                 " too early to tell, no other is growing");
  else
    dm_text_string(text, "no callsite is growing");
}

/* Symbol tables are read once for all frames, so all are named first. */
static void
want_symbols(const struct dm_snapshot *snapshot)
{
  for (unsigned i = 0; i < snapshot->listed; i++)
  {
    unsigned count = 0;
    const dm_frame *frames =
        dm_callsite_frames(snapshot->top[i].number, &count);
    for (unsigned j = 0; j < count; j++)
      dm_symbols_want(frames[j]);
  }
  dm_symbols_resolve();
}

/* "(other): 12 blocks, 3.1KiB at ": what has no place in the list. */
static void
put_rest(struct dm_text *text, const char *name, const struct dm_live *live)
{
  dm_text_string(text, name);
  dm_text_grouped(text, live->count);
  dm_text_string(text, live->count == 1 ? " block, " : " blocks, ");
  dm_put_sized(text, live->bytes, " at ");
}

void
dm_report_callsites_text(struct dm_text *text,
                         const struct dm_snapshot *snapshot)
{
  dm_text_string(text, "Top ");
  dm_put_count(text, snapshot->listed, " unfreed callsites by ");
  dm_text_string(text, dm_config_sort_words[snapshot->sort]);
  dm_text_string(text, snapshot->sort == DM_SORT_OLD ? " bytes, of " : ", of ");
  dm_put_count(text, snapshot->unfreed, ":");
  put_advice(text, snapshot);
  dm_text_char(text, '\n');
  want_symbols(snapshot);
  for (unsigned rank = 1; rank <= snapshot->listed; rank++)
    put_callsite(text, snapshot, rank);
  if (snapshot->suppressed_callsites > 0)
  {
    put_rest(text, "(suppressed): ", &snapshot->suppressed);
    dm_put_count(text, snapshot->suppressed_callsites,
                 snapshot->suppressed_callsites == 1 ? " callsite\n"
                                                     : " callsites\n");
  }
  if (snapshot->other.count != 0 || snapshot->other.bytes != 0)
  {
    put_rest(text, "(other): ", &snapshot->other);
    dm_text_string(text, "callsites past the cap\n");
  }
}
