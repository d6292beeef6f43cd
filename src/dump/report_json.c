/* report_json.c -- a snapshot as one JSON line for tools.

   The same keys in every dump: what is not known is null, so a reader needs no
   guessing. The members of one object are written by functions that put the
   comma before themselves, unless they follow the opening brace. */

#include "dump/report.h"

#include <string.h>

#include "base/rare.h"
#include "base/signals.h"
#include "books/callsites.h"
#include "books/modules.h"
#include "dump/report_callsites.h"
#include "dump/report_keys.h"
#include "dump/symbols.h"

/* By module number: 0, or 1 + the module's place in the list of the dump. Not
   on the stack, which may be a small one; there is one dump at a time. */
static DM_RARE uint16_t places[DM_MODULES_MAX + 1];

static void
put_signal(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  dm_put_key(text, "signal");
  if (snapshot->trigger != DM_TRIGGER_SIGNAL)
  {
    dm_text_string(text, "null");
    return;
  }
  dm_text_char(text, '"');
  dm_signal_name(text, snapshot->signal);
  dm_text_char(text, '"');
}

static void
put_heading(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  static const char *const triggers[] = {
      [DM_TRIGGER_TIMER] = "timer",
      [DM_TRIGGER_SIGNAL] = "signal",
      [DM_TRIGGER_EXIT] = "exit",
      [DM_TRIGGER_CALL] = "call",
  };
  dm_put_number(text, "{dmalloc", 1);
  dm_put_string(text, "version", DM_VERSION);
  dm_put_unsigned(text, "seq", snapshot->sequence);
  dm_put_string(text, "trigger", triggers[snapshot->trigger]);
  put_signal(text, snapshot);
  dm_put_key(text, "time");
  dm_text_char(text, '"');
  dm_text_iso_time(text, snapshot->time_ms);
  dm_text_char(text, '"');
  dm_put_unsigned(text, "uptime", snapshot->uptime_ms / 1000);
  dm_text_char(text, '.');
  dm_text_padded(text, snapshot->uptime_ms % 1000, 3);
  dm_put_number(text, "pid", snapshot->pid);
  dm_put_string(text, "program", snapshot->program);
  dm_put_string(text, "host", snapshot->host);
}

static void
put_totals(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  dm_put_key(text, "totals");
  dm_put_unsigned(text, "{allocations", snapshot->allocations);
  dm_put_unsigned(text, "frees", snapshot->frees);
  dm_put_number(text, "live", snapshot->live.count);
  dm_put_number(text, "live_bytes", snapshot->live.bytes);
  dm_put_unsigned(text, "peak_bytes", snapshot->peak_bytes);
  dm_put_unsigned(text, "allocated_bytes", snapshot->allocated_bytes);
  dm_put_unsigned(text, "reallocs_in_place", snapshot->in_place);
  dm_put_unsigned(text, "reallocs_moved", snapshot->moved);
  dm_put_unsigned(text, "foreign_frees", snapshot->mishaps.foreign_frees);
  dm_text_char(text, '}');
}

/* {"from":F,"to":T,"live":N,"bytes":B}; T is null in the last row. */
static void
put_row(struct dm_text *text, uint64_t from, uint64_t to, bool last,
        const struct dm_live *live)
{
  dm_put_unsigned(text, "{from", from);
  if (last)
    dm_put_string(text, "to", NULL);
  else
    dm_put_unsigned(text, "to", to);
  dm_put_live(text, live);
  dm_text_string(text, last ? "}" : "},");
}

static void
put_ages(struct dm_text *text, const struct dm_live rows[DM_AGE_ROWS])
{
  dm_put_key(text, "ages");
  dm_text_char(text, '[');
  for (unsigned i = 0; i < DM_AGE_ROWS; i++)
  {
    bool last = i + 1 == DM_AGE_ROWS;
    put_row(text, dm_age_row_start(i), last ? 0 : dm_age_row_start(i + 1), last,
            &rows[i]);
  }
  dm_text_char(text, ']');
}

static void
put_sizes(struct dm_text *text, const struct dm_live rows[DM_SIZE_ROWS])
{
  dm_put_key(text, "sizes");
  dm_text_char(text, '[');
  for (unsigned i = 0; i < DM_SIZE_ROWS; i++)
    put_row(text, dm_size_row_start(i), dm_size_row_start(i + 1),
            i + 1 == DM_SIZE_ROWS, &rows[i]);
  dm_text_char(text, ']');
}

static void
put_callsites(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  dm_put_key(text, "callsites");
  dm_put_unsigned(text, "{cap", snapshot->callsites_cap);
  dm_put_unsigned(text, "used", snapshot->table.in_use);
  dm_put_unsigned(text, "unfreed", snapshot->unfreed);
  dm_put_unsigned(text, "growing", snapshot->growing);
  dm_put_unsigned(text, "suppressed", snapshot->suppressed_callsites);
  dm_put_number(text, "suppressed_live", snapshot->suppressed.count);
  dm_put_number(text, "suppressed_bytes", snapshot->suppressed.bytes);
  dm_put_number(text, "other_live", snapshot->other.count);
  dm_put_number(text, "other_bytes", snapshot->other.bytes);
  dm_text_char(text, '}');
  dm_put_string(text, "sort", dm_config_sort_words[snapshot->sort]);
  dm_put_unsigned(text, "min_age", snapshot->min_age_s);
}

/* The module of FRAME if it is in the dump's list, else NULL. */
static const struct dm_module *
listed_module(dm_frame frame)
{
  unsigned number = dm_frame_module(frame);
  return number <= DM_MODULES_MAX && places[number] ? dm_module(number) : NULL;
}

static void
put_frame(struct dm_text *text, dm_frame frame)
{
  const struct dm_module *module = listed_module(frame);
  uintptr_t address = dm_frame_address(frame);
  struct dm_symbol symbol;
  dm_put_address(text, "{ip", address);
  if (module)
  {
    dm_put_unsigned(text, "module", places[dm_frame_module(frame)] - 1u);
    dm_put_address(text, "offset", address - module->base);
  }
  else
  {
    dm_put_string(text, "module", NULL);
    dm_put_string(text, "offset", NULL);
  }
  if (dm_symbols_find(frame, &symbol))
  {
    dm_put_string(text, "symbol", symbol.name);
    dm_put_unsigned(text, "symbol_offset", symbol.offset);
  }
  else
  {
    dm_put_string(text, "symbol", NULL);
    dm_put_string(text, "symbol_offset", NULL);
  }
  if (frame & DM_FRAME_INTERRUPTED)
  {
    dm_put_key(text, "interrupted");
    dm_text_string(text, "true");
  }
  dm_text_char(text, '}');
}

static void
put_frames(struct dm_text *text, uint32_t number)
{
  unsigned count = 0;
  const dm_frame *frames = dm_callsite_frames(number, &count);
  dm_put_key(text, "frames");
  dm_text_char(text, '[');
  for (unsigned i = 0; i < count; i++)
  {
    if (i > 0)
      dm_text_char(text, ',');
    put_frame(text, frames[i]);
  }
  dm_text_char(text, ']');
}

/* Finds the modules that the listed frames refer to, and their symbols. */
static void
look_up_frames(const struct dm_snapshot *snapshot)
{
  unsigned known = dm_modules_count();
  uint16_t place = 0;
  memset(places, 0, sizeof places);
  for (unsigned i = 0; i < snapshot->listed; i++)
  {
    unsigned count = 0;
    const dm_frame *frames =
        dm_callsite_frames(snapshot->top[i].number, &count);
    for (unsigned j = 0; j < count; j++)
    {
      unsigned number = dm_frame_module(frames[j]);
      if (number >= 1 && number <= known && number <= DM_MODULES_MAX)
        places[number] = 1;
      dm_symbols_want(frames[j]);
    }
  }
  for (unsigned number = 1; number <= DM_MODULES_MAX; number++)
    if (places[number])
      places[number] = ++place;
  dm_symbols_resolve();
}

static void
put_top(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  dm_put_key(text, "top");
  dm_text_char(text, '[');
  for (unsigned i = 0; i < snapshot->listed; i++)
  {
    if (i > 0)
      dm_text_char(text, ',');
    dm_report_figures_json(text, snapshot, &snapshot->top[i]);
    put_frames(text, snapshot->top[i].number);
    dm_text_char(text, '}');
  }
  dm_text_char(text, ']');
}

static void
put_build_id(struct dm_text *text, const struct dm_elf_identity *identity)
{
  if (identity->build_id_length == 0)
  {
    dm_put_string(text, "build_id", NULL);
    return;
  }
  dm_put_key(text, "build_id");
  dm_text_char(text, '"');
  for (unsigned i = 0; i < identity->build_id_length; i++)
  {
    dm_text_char(text, "0123456789abcdef"[identity->build_id[i] >> 4]);
    dm_text_char(text, "0123456789abcdef"[identity->build_id[i] & 15]);
  }
  dm_text_char(text, '"');
}

static void
put_modules(struct dm_text *text)
{
  dm_put_key(text, "modules");
  dm_text_char(text, '[');
  for (unsigned number = 1; number <= DM_MODULES_MAX; number++)
  {
    if (!places[number])
      continue;
    const struct dm_module *module = dm_module(number);
    if (places[number] > 1)
      dm_text_char(text, ',');
    dm_put_string(text, "{path", module->path);
    put_build_id(text, &module->identity);
    dm_put_address(text, "base", module->base);
    dm_text_char(text, '}');
  }
  dm_text_char(text, ']');
}

static void
put_self(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  const struct dm_mishaps *mishaps = &snapshot->mishaps;
  dm_put_key(text, "self");
  dm_put_unsigned(text, "{table_bytes", snapshot->table_bytes);
  dm_put_unsigned(text, "threads", snapshot->ledgers);
  dm_put_unsigned(text, "unwind_failed", mishaps->unwind_failed);
  dm_put_unsigned(text, "stacks_cut", snapshot->table.cut);
  dm_put_unsigned(text, "stacks_folded", snapshot->table.folded);
  dm_put_unsigned(text, "stacks_shortened", snapshot->table.shortened);
  dm_put_unsigned(text, "stacks_caller_only", snapshot->table.callers);
  dm_put_unsigned(text, "callsites_reclaimed", snapshot->table.reclaimed);
  dm_put_unsigned(text, "callsites_nameless", snapshot->table.nameless);
  dm_put_unsigned(text, "coarse_threads", snapshot->coarse_ledgers);
  dm_put_unsigned(text, "dumps_cut", snapshot->dumps_cut);
  dm_put_unsigned(text, "broken_stamps", mishaps->broken_stamps);
  dm_put_unsigned(text, "nested", mishaps->nested);
  dm_put_unsigned(text, "verified", mishaps->verified);
  dm_put_unsigned(text, "differing", mishaps->differing);
  dm_put_string(text, "degraded", snapshot->degraded);
  dm_text_char(text, '}');
}

void
dm_report_json(struct dm_text *text, const struct dm_snapshot *snapshot)
{
  look_up_frames(snapshot);
  put_heading(text, snapshot);
  put_totals(text, snapshot);
  put_ages(text, snapshot->ages);
  put_sizes(text, snapshot->sizes);
  put_callsites(text, snapshot);
  put_top(text, snapshot);
  put_modules(text);
  put_self(text, snapshot);
  dm_text_string(text, "}\n");
}
