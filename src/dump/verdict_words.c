/* verdict_words.c -- a verdict in words. */

#include "dump/verdict.h"

#include <stddef.h>

#include "dump/history.h"

const char *const dm_verdict_words[] = {
    [DM_TOO_EARLY] = "too early", [DM_GROWING] = "growing",
    [DM_STEADY] = "steady",       [DM_STARTUP] = "startup",
    [DM_CHURN] = "churn",
};

static void
put_moment(struct dm_text *text, uint32_t slice, uint32_t now, uint64_t time_ms)
{
  char buffer[32];
  struct dm_text iso;
  uint64_t ago_ms = (uint64_t) (now - slice) * 1000;
  dm_text_init(&iso, buffer, sizeof buffer);
  dm_text_iso_time(&iso, time_ms > ago_ms ? time_ms - ago_ms : 0);
  /* 2026-11-23T02:11:37.120Z */
  if (ago_ms >= UINT64_C(86400000))
  {
    dm_text_bytes(text, buffer, 10);
    dm_text_char(text, ' ');
  }
  dm_text_bytes(text, buffer + 11, 5);
}

/* "45 s", "12 min", "3 h", "2 days": rounded down. */
static void
put_span(struct dm_text *text, uint32_t seconds)
{
  static const struct
  {
    uint32_t least, unit;
    const char *name;
  } units[] = {{172800, 86400, " days"}, {7200, 3600, " h"}, {120, 60, " min"}};
  for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
    if (seconds >= units[i].least)
    {
      dm_text_unsigned(text, seconds / units[i].unit);
      dm_text_string(text, units[i].name);
      return;
    }
  dm_text_unsigned(text, seconds);
  dm_text_string(text, " s");
}

static void
put_growth(struct dm_text *text, const struct dm_verdict *verdict,
           const char *where)
{
  dm_text_char(text, '+');
  dm_text_size(text, verdict->growth_per_minute);
  dm_text_string(text, " a minute ");
  dm_text_string(text, where);
}

static void
put_steady(struct dm_text *text, const struct dm_verdict *verdict)
{
  if (verdict->cause == DM_NONE_ADDED)
  {
    dm_text_string(text, "nothing that stayed was added for ");
    put_span(text, verdict->seconds);
    return;
  }
  if (verdict->cause == DM_AS_BEFORE)
  {
    dm_text_string(text, "rises as it did before it was dropped");
    return;
  }
  dm_text_grouped(text, (int64_t) verdict->count);
  dm_text_string(text, " blocks turned 100 s old in ");
  put_span(text, verdict->seconds);
  dm_text_string(text, ", and ");
  dm_text_grouped(text, (int64_t) verdict->other);
  dm_text_string(text, " such were freed");
}

static void
put_early(struct dm_text *text, const struct dm_verdict *verdict)
{
  if (verdict->cause == DM_NOTHING_OLD)
  {
    dm_text_string(text, "no block is 100 s old yet");
    return;
  }
  /* Both in seconds: "7 min, it takes 7 min" would say nothing. */
  dm_text_string(text, "old blocks watched for ");
  dm_text_unsigned(text, verdict->seconds);
  dm_text_string(text, " s, it takes ");
  dm_text_unsigned(text, 3 * DM_HISTORY_STEP);
  dm_text_string(text, " s");
}

void
dm_verdict_reason(struct dm_text *text, const struct dm_verdict *verdict,
                  uint32_t now, uint64_t time_ms)
{
  static const char *const where[] = {
      [DM_OLD_GROWS] = "in blocks of 100 s and more",
      [DM_OLDER_GROWS] = "in blocks of 1000 s and more",
      [DM_SIZE_GROWS] = "by realloc of the same blocks",
      [DM_BORN_EVENLY] = "in blocks of 100 s and more, as many of each age",
  };
  switch (verdict->word)
  {
  case DM_GROWING:
    put_growth(text, verdict, where[verdict->cause]);
    dm_text_string(text, ", since ");
    put_moment(text, verdict->since, now, time_ms);
    break;
  case DM_STEADY:
    put_steady(text, verdict);
    break;
  case DM_STARTUP:
    dm_text_string(text, "all born in the first minute, none after it");
    break;
  case DM_CHURN:
    dm_text_grouped(text, (int64_t) verdict->count);
    dm_text_string(text, " of ");
    dm_text_grouped(text, (int64_t) verdict->other);
    dm_text_string(text, " blocks reached 100 s");
    break;
  case DM_TOO_EARLY:
    put_early(text, verdict);
    break;
  }
}
