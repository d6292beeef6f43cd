/* report_figures_json.c -- the figures of a listed callsite as JSON. */

#include "books/ages.h"
#include "dump/report_callsites.h"
#include "dump/report_keys.h"
#include "dump/verdict.h"

static void
put_ages(struct dm_text *text, const struct dm_live rows[DM_AGE_ROWS])
{
  dm_put_key(text, "ages");
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    dm_text_char(text, i == 0 ? '[' : ',');
    dm_text_signed(text, rows[i].count);
  }
  dm_text_char(text, ']');
  dm_put_key(text, "age_bytes");
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    dm_text_char(text, i == 0 ? '[' : ',');
    dm_text_signed(text, rows[i].bytes);
  }
  dm_text_char(text, ']');
}

static void
put_survived(struct dm_text *text, const uint64_t survived[DM_AGE_ROWS - 1])
{
  dm_put_key(text, "survived");
  for (unsigned i = 0; i < DM_AGE_ROWS - 1; i++)
  {
    dm_text_char(text, i == 0 ? '[' : ',');
    dm_text_unsigned(text, survived[i]);
  }
  dm_text_char(text, ']');
}

static void
put_verdict(struct dm_text *text, const struct dm_snapshot *snapshot,
            const struct dm_verdict *verdict)
{
  dm_put_string(text, "verdict", dm_verdict_words[verdict->word]);
  dm_put_key(text, "reason");
  dm_text_char(text, '"');
  dm_verdict_reason(text, verdict, snapshot->now, snapshot->time_ms);
  dm_text_char(text, '"');
  dm_put_number(text, "growth_per_minute", verdict->growth_per_minute);
}

void
dm_report_figures_json(struct dm_text *text, const struct dm_snapshot *snapshot,
                       const struct dm_callsite_figures *site)
{
  dm_put_unsigned(text, "{id", site->number);
  dm_put_live(text, &site->live);
  dm_put_unsigned(text, "allocations", site->allocations);
  dm_put_unsigned(text, "frees", site->frees);
  dm_put_unsigned(text, "allocated_bytes", site->allocated_bytes);
  dm_put_unsigned(text, "reallocs_in_place", site->in_place);
  dm_put_unsigned(text, "reallocs_moved", site->moved);
  dm_put_unsigned(text, "grown_bytes", site->grown_bytes);
  dm_put_number(text, "growth", site->growth);
  put_ages(text, site->ages);
  put_survived(text, site->survived);
  dm_put_unsigned(text, "generations", site->generations);
  put_verdict(text, snapshot, &site->verdict);
}
