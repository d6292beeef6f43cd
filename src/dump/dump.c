/* dump.c -- one dump from start to end. */

#include "dump/dump.h"

#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/rare.h"
#include "base/sys.h"
#include "base/uninherited.h"
#include "dump/hurry.h"
#include "dump/output.h"
#include "dump/reclaim.h"
#include "dump/report.h"
#include "dump/symbols.h"

static const struct dm_config *config;
static const char *program, *host;
static const char *degraded;
static const char *(*degraded_now)(void);

/* A dump is being made, or what is done between two. */
static DM_UNINHERITED _Atomic bool busy;

/* The same, also in a child that was forked meanwhile: there nobody goes on. */
static bool begun;

static uint64_t sequence;

/* Of uptime, when all callsites were last looked at, for their history. */
static uint64_t last_look_ms;

static _Atomic uint64_t dumps_cut;

/* The text of a dump, drained into the output when it is full. */
static DM_RARE char buffer[65536];

void
dm_dump_init(const struct dm_config *settings, const char *program_path,
             const char *host_name)
{
  config = settings;
  dm_snapshot_init();
  program = program_path;
  host = host_name;
}

void
dm_dump_degraded(const char *why)
{
  degraded = why;
}

void
dm_dump_ask_first(const char *(*ask)(void) )
{
  degraded_now = ask;
}

/* The bits of a sigqueue request. */
enum
{
  REQUEST_FD = 0xff,
  REQUEST_JSON = 1 << 8,
  REQUEST_ALL = 1 << 9,
  REQUEST_PID_SHIFT = 10
};

/* Opens what REQUEST wants written to. Returns false when the one who asked
   cannot be reached, and the process's own output is taken instead. */
static bool
open_output(struct dm_output *output, const struct dm_request *request)
{
  if (request->trigger == DM_TRIGGER_CALL && request->fd >= 0)
  {
    dm_output_use(output, request->fd, request->patience_ms);
    return true;
  }
  if (request->value != 0 &&
      dm_output_open_remote(output, (int) (request->value >> REQUEST_PID_SHIFT),
                            (int) (request->value & REQUEST_FD),
                            request->patience_ms))
    return true;
  dm_output_open(output, request->patience_ms);
  return request->value == 0;
}

static bool
dump_locked(const struct dm_request *request)
{
  static struct dm_snapshot snapshot;
  static struct dm_output output;
  bool theirs = open_output(&output, request);
  bool json = theirs && request->value ? request->value & REQUEST_JSON
                                       : config->format == DM_FORMAT_JSON;
  bool all = theirs && request->value & REQUEST_ALL;

  snapshot = (struct dm_snapshot){
      .sequence = ++sequence,
      .trigger = request->trigger,
      .signal = request->signal,
      .time_ms = dm_sys_clock_ns(CLOCK_REALTIME) / 1000000,
      .uptime_ms = dm_clock_uptime_ns() / 1000000,
      .pid = dm_sys_getpid(),
      .program = program,
      .host = host,
      .dumps_cut = dumps_cut,
      .degraded = degraded       ? degraded
                  : degraded_now ? degraded_now()
                                 : NULL,
  };
  dm_snapshot_take(&snapshot, all ? DM_TOP_ALL : config->top, config->sort,
                   config->min_age_s);

  last_look_ms = snapshot.uptime_ms;

  struct dm_text text;
  dm_text_init(&text, buffer, sizeof buffer);
  dm_output_attach(&output, &text);
  if (json)
    dm_report_json(&text, &snapshot);
  else
    dm_report_text(&text, &snapshot);
  dm_text_flush(&text);
  dm_output_close(&output);
  return !output.cut;
}

/* Returns false while another one is at it. */
static bool
begin(void)
{
  if (atomic_exchange(&busy, true))
    return false;
  if (begun)
    dm_symbols_forget(); /* half of something */
  begun = true;
  return true;
}

static void
end(void)
{
  begun = false;
  atomic_store(&busy, false);
}

/* Makes the dump if no other is being made; *WHOLE says whether it was all
   written. */
static bool
try_dump(const struct dm_request *request, bool *whole)
{
  struct dm_signals signals;
  dm_sys_block_signals(&signals);
  bool ours = begin();
  if (ours)
  {
    *whole = dump_locked(request);
    if (!*whole)
      atomic_fetch_add(&dumps_cut, 1);
    end();
  }
  dm_sys_restore_signals(&signals);
  return ours;
}

bool
dm_dump_keep_up(void)
{
  enum
  {
    LOOK_EVERY_MS = 60000
  };
  struct dm_signals signals;
  bool soon = false;
  dm_sys_block_signals(&signals);
  if (begin())
  {
    uint64_t now_ms = dm_clock_uptime_ns() / 1000000;
    soon = dm_reclaim(dm_snapshot_forget);
    if (now_ms - last_look_ms >= LOOK_EVERY_MS)
    {
      dm_snapshot_look();
      last_look_ms = now_ms;
    }
    end();
  }
  dm_sys_restore_signals(&signals);
  return soon;
}

/* Makes the dump, once no other is being made; gives up at DEADLINE_NS, and when
   somebody is in a hurry. */
static bool
dump_before(const struct dm_request *request, uint64_t deadline_ns)
{
  enum
  {
    NAP_NS = 100000
  };
  bool whole = false;
  while (!try_dump(request, &whole))
  {
    if (dm_sys_clock_ns(CLOCK_MONOTONIC) >= deadline_ns || dm_hurry_is_over())
    {
      atomic_fetch_add(&dumps_cut, 1);
      return false;
    }
    dm_sys_nap(NAP_NS);
  }
  return whole;
}

bool
dm_dump(const struct dm_request *request)
{
  return dump_before(request, dm_sys_clock_ns(CLOCK_MONOTONIC) +
                                  request->patience_ms * UINT64_C(1000000));
}

bool
dm_dump_wait(const struct dm_request *request)
{
  return dump_before(request, UINT64_MAX);
}

void
dm_dump_after_fork(void)
{
  atomic_store(&busy, false);
  dm_output_after_fork();
  sequence = 0;
  last_look_ms = 0;
  dumps_cut = 0;
}

void
dm_dump_message(const char *message, size_t length)
{
  struct dm_signals signals;
  struct dm_output output;
  dm_sys_block_signals(&signals);
  dm_output_open(&output, 0);
  dm_output_write(&output, message, length);
  dm_output_close(&output);
  dm_sys_restore_signals(&signals);
}
