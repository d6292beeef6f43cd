/* report_text.c -- a snapshot as text for people.

   The original's report, row for row, then what it could not tell: callsites
   and the profiler's own cost. Whatever comes from outside (names of programs,
   modules and functions) is made printable, so that no file name can write to
   the reader's terminal or forge a line. */

#include "dump/report.h"

#include "base/signals.h"
#include "dump/report_callsites.h"
#include "dump/report_words.h"

enum
{
  BAR_MAX = 50
};

static void
put_trigger(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  static const char *const words[] = {
      [DM_TRIGGER_TIMER] = "on the timer",
      [DM_TRIGGER_SIGNAL] = "on ",
      [DM_TRIGGER_EXIT] = "at exit",
      [DM_TRIGGER_CALL] = "on a call",
  };
  dm_text_string(text, words[snapshot->trigger]);
  if (snapshot->trigger == DM_TRIGGER_SIGNAL)
    dm_signal_name(text, snapshot->signal);
}

static void
put_heading(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  dm_text_string(text, ">>>>>>>>>>>>> ");
  dm_text_date(text, snapshot->time_ms / 1000);
  dm_text_string(text, " <<<<<<<<<<<\ndmalloc " DM_VERSION ": ");
  dm_put_base_name(text, snapshot->program);
  dm_text_string(text, ", pid ");
  dm_text_signed(text, snapshot->pid);
  dm_text_string(text, ", up ");
  dm_text_seconds(text, snapshot->uptime_ms);
  dm_text_string(text, " s, dump ");
  dm_text_unsigned(text, snapshot->sequence);
  dm_text_string(text, ", ");
  put_trigger(text, snapshot);
  dm_text_char(text, '\n');
}

static void
put_totals(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  dm_text_string(text, "Overall stats:\n");
  dm_put_count(text, snapshot->allocations,
               " Overall allocations since start\n");
  dm_put_sized(text, snapshot->live.bytes, " Current total allocated size\n");
  dm_text_grouped(text, snapshot->live.count);
  dm_text_string(text, " Current allocations\n");
  dm_put_sized(text, (int64_t) snapshot->peak_bytes,
               " Peak total allocated size\n");
  dm_put_count(text, snapshot->in_place, " Reallocations in place, ");
  dm_put_count(text, snapshot->moved, " moved\n");
}

/* How many allocations one mark stands for, so that the longest bar fits. */
static int64_t
scale_of(const struct dm_live *rows, unsigned count)
{
  int64_t most = 0;
  for (unsigned i = 0; i < count; i++)
    if (rows[i].count > most)
      most = rows[i].count;
  int64_t scale = most / BAR_MAX + (most % BAR_MAX > 0);
  return scale > 0 ? scale : 1;
}

static void
put_bars_heading(struct dm_text *text, const char *by, int64_t scale)
{
  dm_text_string(text, "Current allocations by ");
  dm_text_string(text, by);
  dm_text_string(text, ": ( # = ");
  dm_text_grouped(text, scale);
  dm_text_string(text, " current allocations)\n");
}

/* The marks are rounded to nearest, but something is never shown as nothing. */
static void
put_bar(struct dm_text *text, const struct dm_live *row, int64_t scale)
{
  dm_text_string(text, ": ");
  if (row->count > 0)
  {
    int64_t half = scale - scale / 2; /* and no sum that could overflow */
    int64_t marks = row->count / scale + (row->count % scale >= half);
    dm_text_repeat(text, '#', (size_t) (marks > 0 ? marks : 1));
  }
  dm_text_string(text, "  ");
  dm_text_grouped(text, row->count);
  dm_text_string(text, ", ");
  dm_text_size(text, row->bytes);
  dm_text_char(text, '\n');
}

static void
put_sizes(struct dm_text *text, const struct dm_live rows[DM_SIZE_ROWS])
{
  int64_t scale = scale_of(rows, DM_SIZE_ROWS);
  put_bars_heading(text, "size", scale);
  for (unsigned i = 0; i < DM_SIZE_ROWS; i++)
  {
    dm_text_unsigned(text, dm_size_row_start(i));
    if (i + 1 < DM_SIZE_ROWS)
    {
      dm_text_string(text, " - ");
      dm_text_unsigned(text, dm_size_row_start(i + 1));
      dm_text_string(text, " bytes");
    }
    else
      dm_text_string(text, " + bytes");
    put_bar(text, &rows[i], scale);
  }
}

static void
put_ages(struct dm_text *text, const struct dm_live rows[DM_AGE_ROWS])
{
  int64_t scale = scale_of(rows, DM_AGE_ROWS);
  put_bars_heading(text, "age", scale);
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    bool last = i + 1 == DM_AGE_ROWS;
    dm_text_string(text, last ? "> " : "< ");
    dm_text_unsigned(text, dm_age_row_start(last ? i : i + 1));
    dm_text_string(text, " sec");
    put_bar(text, &rows[i], scale);
  }
}

/* A mishap is worth a word only when it happened. */
static void
put_mishap(struct dm_text *text, uint64_t count, const char *what)
{
  if (count == 0)
    return;
  dm_text_string(text, ", ");
  dm_put_count(text, count, what);
}

static void
put_self(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  const struct dm_mishaps *mishaps = &snapshot->mishaps;
  if (snapshot->degraded)
  {
    dm_text_string(text, "(degraded): ");
    dm_text_printable(text, snapshot->degraded);
    dm_text_char(text, '\n');
  }
  dm_text_string(text, "dmalloc itself: ");
  dm_put_sized(text, (int64_t) snapshot->table_bytes, " of tables, ");
  dm_put_count(text, mishaps->unwind_failed, " unwinds failed, ");
  dm_put_count(text, snapshot->dumps_cut, " dumps cut short");
  put_mishap(text, mishaps->foreign_frees, " foreign frees");
  put_mishap(text, mishaps->broken_stamps, " broken stamps");
  put_mishap(text, snapshot->table.cut, " stacks cut");
  put_mishap(text, snapshot->table.folded, " folded");
  put_mishap(text, snapshot->table.shortened, " shortened");
  put_mishap(text, snapshot->table.callers, " callers only");
  put_mishap(text, snapshot->table.reclaimed, " callsites reclaimed");
  put_mishap(text, snapshot->coarse_ledgers, " threads with coarse old ages");
  put_mishap(text, mishaps->nested, " nested allocations");
  put_mishap(text, mishaps->verified, " stacks verified");
  put_mishap(text, mishaps->differing, " stacks differing");
  dm_text_char(text, '\n');
}

void
dm_report_text(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  put_heading(text, snapshot);
  put_totals(text, snapshot);
  put_sizes(text, snapshot->sizes);
  put_ages(text, snapshot->ages);
  dm_report_callsites_text(text, snapshot);
  put_self(text, snapshot);
}
