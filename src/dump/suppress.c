/* suppress.c -- callsites that the list leaves out. */

#include "dump/suppress.h"

#include <string.h>

#include "base/config.h"
#include "base/text.h"
#include "books/callsites.h"
#include "books/modules.h"
#include "dump/hurry.h"
#include "dump/snapshot.h"
#include "dump/suppress_file.h"
#include "dump/symbols.h"

/* What is known of a callsite. A name may be missing because there was no room
   for it in that dump; so one without a match is asked for twice. */
enum answer
{
  UNKNOWN,
  ASKED,
  SHOWN,
  BUILT_IN,
  SUPPRESSED
};

static uint8_t *answers;
static uint32_t room;

/* Frames that are named at a time; symbols.h keeps some more. */
enum
{
  BATCH = 4096
};

void
dm_suppress_make_room(uint8_t *bytes, uint32_t count)
{
  answers = bytes;
  room = bytes ? count : 0;
}

/* What glibc keeps for ever and nobody can free. Exported names too, for the
   file of a distribution has no others: the inner function has no name there,
   and is in the C library all the same. */
static const char *const kept[] = {
    /* stdio's buffers; those of files that are closed are freed */
    "_IO_file_doallocate",
    "_IO_wfile_doallocate",
    "_IO_default_doallocate",
    /* locale, messages, character sets */
    "setlocale",
    "textdomain",
    "bindtextdomain",
    "bind_textdomain_codeset",
    "gettext",
    "dgettext",
    "dcgettext",
    "ngettext",
    "dngettext",
    "dcngettext",
    "__dcigettext",
    "_nl_find_domain",
    "_nl_find_locale",
    "_nl_load_locale_from_archive",
    "__gconv_find_transform",
    "__gconv_load_cache",
    "__gconv_load_conf",
    "__wcsmbs_load_conv",
    /* time zone */
    "tzset",
    "localtime",
    "localtime_r",
    "mktime",
    "strftime",
    "__tz_convert",
    "__tzfile_read",
    "tzset_internal",
    /* what a getpwnam and its like return is theirs */
    "getpwnam",
    "getpwuid",
    "getpwent",
    "getgrnam",
    "getgrgid",
    "getgrent",
    "getspnam",
    "getservbyname",
    "getservbyport",
    "getprotobyname",
    "getprotobynumber",
    "gethostbyname",
    "gethostbyname2",
    "gethostbyaddr",
    "__nss_database_get",
    "__nss_lookup_function",
    "__nss_module_load",
    "__resolv_conf_allocate",
    "__resolv_conf_attach",
    "__res_vinit",
    /* handlers, environment, messages */
    "__cxa_atexit",
    "__cxa_thread_atexit_impl",
    "on_exit",
    "at_quick_exit",
    "__new_exitfn",
    "setenv",
    "putenv",
    "__add_to_environ",
    "strerror",
    "strsignal",
    "dlerror",
    "_dlerror_run",
    "ttyname",
    "ptsname",
    "getmntent",
    /* the loader's own, and threads' */
    "_dl_allocate_tls",
    "allocate_dtv",
    "_dl_resize_dtv",
    "__tls_get_addr",
    "_dl_new_object",
    "_dl_map_object_deps",
    "_dl_check_map_versions",
    "_dl_add_to_namespace_list",
    "add_to_global_resize",
    "pthread_create",
};

static const struct dm_module *
module_of(dm_frame frame)
{
  unsigned number = dm_frame_module(frame);
  return number >= 1 && number <= dm_modules_count() ? dm_module(number) : NULL;
}

static bool
is_c_library(dm_frame frame)
{
  static const char *const names[] = {"libc.so",    "libc-",  "ld-",
                                      "libpthread", "libdl",  "libresolv",
                                      "libnss_",    "ld64.so"};
  const struct dm_module *module = module_of(frame);
  if (!module || !module->path)
    return false;
  const char *name = dm_base_name(module->path);
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (strncmp(name, names[i], strlen(names[i])) == 0)
      return true;
  return false;
}

/* How many of a callsite's frames have to be named: all of them for the file's
   patterns, the innermost ones of the C library for those built in. */
static unsigned
frames_to_name(const dm_frame *frames, unsigned count)
{
  if (dm_suppress_patterns() > 0)
    return count;
  unsigned inner = 0;
  while (inner < count && is_c_library(frames[inner]))
    inner++;
  return inner;
}

static bool
is_kept(const char *function)
{
  for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++)
    if (strcmp(kept[i], function) == 0)
      return true;
  return false;
}

static enum answer
find_answer(uint32_t number)
{
  unsigned count = 0;
  const dm_frame *frames = dm_callsite_frames(number, &count);
  bool inner = true, all_named = true;
  enum answer found = SHOWN;
  count = frames_to_name(frames, count);
  for (unsigned i = 0; i < count; i++)
  {
    struct dm_symbol symbol = {0};
    bool named = dm_symbols_find(frames[i], &symbol);
    const struct dm_module *module = module_of(frames[i]);
    inner = inner && is_c_library(frames[i]);
    all_named = all_named && named;
    if (dm_suppress_matches_frame(named ? symbol.name : NULL,
                                  module ? module->path : NULL))
      return SUPPRESSED;
    if (inner && named && is_kept(symbol.name))
      found = BUILT_IN;
  }
  return found == SHOWN && !all_named && answers[number] == UNKNOWN ? ASKED
                                                                    : found;
}

static bool
is_open(uint32_t number)
{
  return number < room && answers[number] <= ASKED;
}

/* Wants the names for the sites from FIRST on until there are enough of them.
   Returns the first site that was left. */
static uint32_t
want_some(const struct dm_callsite_figures *sites, uint32_t first,
          uint32_t count)
{
  unsigned wanted = 0;
  for (; first < count && wanted < BATCH; first++)
  {
    unsigned frames_count = 0;
    if (!is_open(sites[first].number))
      continue;
    const dm_frame *frames =
        dm_callsite_frames(sites[first].number, &frames_count);
    frames_count = frames_to_name(frames, frames_count);
    for (unsigned i = 0; i < frames_count; i++)
      dm_symbols_want(frames[i]);
    wanted += frames_count;
  }
  return first;
}

void
dm_suppress_learn(const struct dm_callsite_figures *sites, uint32_t count)
{
  for (uint32_t first = 0; first < count && !dm_hurry_is_over();)
  {
    uint32_t next = want_some(sites, first, count);
    dm_symbols_resolve();
    for (; first < next && !dm_hurry_is_over(); first++)
      if (is_open(sites[first].number))
        answers[sites[first].number] = find_answer(sites[first].number);
  }
}

bool
dm_suppress_matches(uint32_t number, bool growing)
{
  if (number >= room)
    return false;
  return answers[number] == SUPPRESSED ||
         (answers[number] == BUILT_IN && !growing);
}

void
dm_suppress_forget(uint32_t number)
{
  if (number < room)
    answers[number] = UNKNOWN;
}
