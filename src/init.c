/* init.c -- the one ordered list of start-up steps, and what happens around
   fork and exit.

   Until the last step calls pass through untouched. When a step fails, they go
   on passing through: the program runs as if we were not there, and one line
   on stderr says why. */

#include "init.h"

#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/barrier.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/rare.h"
#include "base/sys.h"
#include "base/uninherited.h"
#include "books/callsites.h"
#include "books/ledger.h"
#include "books/modules.h"
#include "dump/dump.h"
#include "dump/history.h"
#include "dump/output.h"
#include "dump/reporter.h"
#include "dump/suppress.h"
#include "dump/trigger.h"
#include "hook/dispositions.h"
#include "hook/frame_rules.h"
#include "hook/identity.h"
#include "hook/interpose.h"
#include "hook/libunwind.h"
#include "hook/next_allocator.h"
#include "hook/stamp.h"
#include "hook/thread.h"
#include "hook/trace.h"
#include "hook/unwind.h"

/* Bytes: to fewer the usual way adds the stamp's without a look. */
enum
{
  UNUSUAL_SIZE = 1 << 30
};

static struct dm_config config;
static DM_RARE char program[4096];
static struct utsname system_name;

bool
dm_tracking(void)
{
  return dm_mode != DM_MODE_PASS;
}

static void
say(const char *what, const char *why)
{
  char buffer[1024];
  struct dm_text line;
  dm_text_init(&line, buffer, sizeof buffer);
  dm_text_string(&line, "dmalloc: ");
  dm_text_string(&line, what);
  dm_text_string(&line, ": ");
  dm_text_string(&line, why);
  dm_text_char(&line, '\n');
  dm_sys_write(2, line.data, line.length);
}

static void
drain_to_stderr(struct dm_text *text)
{
  dm_sys_write(2, text->data, text->length);
  text->length = 0;
}

/* ------------------------------------------------------------------------
   The steps. */

static const char *
get_setting(const char *name)
{
  return secure_getenv(name);
}

static bool
is_wanted(void)
{
  return config.program[0] == '\0' ||
         dm_config_glob(config.program, dm_base_name(program));
}

/* Returns whether this process is one of those that they are for; to the others
   nothing is said. */
static bool
read_settings(void)
{
  static DM_RARE char buffer[8192];
  struct dm_text text;
  dm_text_init(&text, buffer, sizeof buffer);
  dm_config_read(&config, get_setting, &text);
  if (!is_wanted())
    return false;
  text.drain = drain_to_stderr;
  if (config.help)
    dm_config_help(&text);
  dm_text_flush(&text);
  return true;
}

/* Why what is behind us cannot be recorded, or NULL. */
static const char *
look_behind(void)
{
  if (!dm_next_is_whole())
    return "malloc_usable_size is not of the library that malloc is of";
  dm_next_probe();
  return NULL;
}

/* What the dumps remember and leave out. Without memory they do less. */
static void
start_judging(void)
{
  static DM_RARE char buffer[4096]; /* a line, all of whose path is \xNN */
  struct dm_text warnings;
  dm_text_init(&warnings, buffer, sizeof buffer);
  warnings.drain = drain_to_stderr;
  dm_history_init(config.callsites);
  dm_suppress_init(config.callsites, config.suppress, &warnings);
}

/* Finds the path of the program: as it was started, if that is another name of
   the file that runs (a server may be a link to one file with its tools), else
   the file's own. */
static void
find_program(void)
{
  dm_sys_readlink("/proc/self/exe", program, sizeof program);
  const char *started = (const char *) getauxval(AT_EXECFN);
  struct stat file, link;
  if (started && started[0] == '/' && strlen(started) < sizeof program &&
      strcmp(dm_base_name(started), dm_base_name(program)) != 0 &&
      stat(started, &link) == 0 && stat(program, &file) == 0 &&
      link.st_dev == file.st_dev && link.st_ino == file.st_ino)
    strcpy(program, started);
}

static void
make_secret(void)
{
  /* 16 random bytes that the kernel gives every process; the second half, for
     the first is glibc's own stack canary. */
  const uint64_t *random = (const uint64_t *) getauxval(AT_RANDOM);
  dm_stamp_secret = random ? random[1] : (uintptr_t) &config;
  dm_stamp_secret = dm_stamp_secret >> 24 << 24;
}

static int
add_tls(struct dl_phdr_info *info, size_t size, void *sum)
{
  (void) size;
  for (unsigned i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_TLS)
      *(uintptr_t *) sum +=
          info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
  return 0;
}

/* The end of the main thread's stack: the loader keeps the stack pointer that
   the process started with. */
extern void *__libc_stack_end;

static const char *
start_books(void)
{
  if (dm_callsites_init(config.callsites) < 0 ||
      dm_ledgers_init(config.callsites) < 0 || !dm_rules_init() ||
      !dm_thread_init((uintptr_t) __libc_stack_end))
    return "no memory for its tables";
  dm_barrier_init();
  uintptr_t static_tls = 0;
  dl_iterate_phdr(add_tls, &static_tls);
  dm_unwind_init(config.depth, config.verify, static_tls);
  return NULL;
}

static void
after_fork_in_parent(void)
{
  dm_libunwind_after_fork(false);
}

static void
after_fork_in_child(void)
{
  dm_libunwind_after_fork(true);
  dm_thread_after_fork();
  dm_trigger_after_fork();
}

__attribute__((constructor)) static void
start(void)
{
  dm_dispositions_init();
  dm_identity_init();
  /* A program with more rights than its user gets nothing of us. */
  if (!dm_next_ready() || getauxval(AT_SECURE))
    return;
  find_program();
  if (!read_settings())
    return;

  dm_uninherited_init();
  dm_clock_start();
  make_secret();
  const char *why = look_behind();
  if (!why)
    why = start_books();
  if (why)
  {
    say("this process is not tracked", why);
    return;
  }
  uname(&system_name);
  dm_output_init(&config, program, system_name.nodename,
                 dm_sys_clock_ns(CLOCK_REALTIME) / 1000000000);
  dm_dump_init(&config, program, system_name.nodename);
  start_judging();
  why = dm_libunwind_init();
  if (why)
  {
    say("callsites are callers only", why);
    dm_dump_degraded(why);
  }
  dm_trace_sink = dm_dump_message;
  pthread_atfork(dm_libunwind_before_fork, after_fork_in_parent,
                 after_fork_in_child);
  dm_thread_usual = !config.trace && !config.verify;
  /* The usual way is told the second by the reporter. */
  dm_thread_unusual_size =
      dm_next.chunk_headers && config.interval_ms != 0 ? UNUSUAL_SIZE : 0;
  dm_mode = config.trace ? DM_MODE_TRACE : DM_MODE_RECORD;

  why = dm_trigger_init(&config);
  if (why)
    dm_dump_degraded(why);
  dm_identity_after = dm_reporter_resume;
  dm_identity_before = dm_reporter_pause;
}

__attribute__((destructor)) static void
end(void)
{
  if (dm_tracking())
    dm_trigger_exit();
}
