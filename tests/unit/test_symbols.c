/* test_symbols.c -- the names of functions of real modules. */

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "books/modules.h"
#include "dump/symbols.h"

static char here[PATH_MAX];
static char scratch[] = "/tmp/dmalloc-symbols-XXXXXX";

static void
setup(void)
{
  dm_sys_readlink("/proc/self/exe", here, sizeof here);
  *strrchr(here, '/') = '\0';
  ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static void
teardown(void)
{
  char command[PATH_MAX];
  snprintf(command, sizeof command, "rm -rf %s", scratch);
  ck_assert_int_eq(system(command), 0);
}

/* A path in one of the two folders above; the last two asked for are good. */
static const char *
in_folder(const char *folder, const char *name)
{
  static char paths[2][2 * PATH_MAX];
  static unsigned turn;
  char *path = paths[turn++ % 2];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void
copy(const char *from, const char *to)
{
  char command[4 * PATH_MAX];
  snprintf(command, sizeof command, "cp --remove-destination %s %s", from, to);
  ck_assert_int_eq(system(command), 0);
}

static void *
load(const char *path)
{
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(handle != NULL, "%s", dlerror());
  return handle;
}

static void *
function_in(void *handle, const char *name)
{
  void *function = dlsym(handle, name);
  ck_assert_ptr_nonnull(function);
  return function;
}

/* What the function NAME of HANDLE returns. */
static void *
ask(void *handle, const char *name)
{
  void *(*function)(void) = (void *(*) (void) ) function_in(handle, name);
  return function();
}

/* The frame of a call OFFSET - 1 bytes into FUNCTION. */
static dm_frame
frame_in(const void *function, unsigned offset)
{
  uintptr_t address = (uintptr_t) function + offset;
  return (dm_frame) dm_modules_find(address) << DM_FRAME_MODULE_SHIFT | address;
}

/* The name of FUNCTION, looked up 3 bytes into it; "?" if it has none, or the
   offset is wrong. */
static const char *
name_of(const void *function)
{
  struct dm_symbol symbol;
  dm_frame frame = frame_in(function, 3);
  dm_symbols_want(frame);
  dm_symbols_resolve();
  return dm_symbols_find(frame, &symbol) && symbol.offset == 3 ? symbol.name
                                                               : "?";
}

__attribute__((noinline, used)) static int
a_static_function(int x)
{
  return x * 7;
}

__attribute__((visibility("default"), noinline, used)) int
an_exported_function(int x)
{
  return x * 9;
}

START_TEST(functions_of_the_program)
{
  ck_assert_str_eq(name_of(a_static_function), "a_static_function");
  ck_assert_str_eq(name_of(an_exported_function), "an_exported_function");
}
END_TEST

START_TEST(functions_of_libc)
{
  void *libc = load("libc.so.6");
  ck_assert_str_eq(name_of(function_in(libc, "malloc")), "malloc");
  ck_assert_str_eq(name_of(function_in(libc, "write")), "write");
  ck_assert_str_eq(name_of(function_in(libc, "qsort_r")), "qsort_r");
  ck_assert_str_eq(name_of(function_in(libc, "fopen")), "fopen");
}
END_TEST

START_TEST(addresses_between_calls)
{
  struct dm_symbol symbol;
  /* The address after a call that ends a function belongs to that function;
     an interrupted one is what it is. */
  dm_frame after = frame_in(a_static_function, 1);
  dm_frame at = frame_in(a_static_function, 0) | DM_FRAME_INTERRUPTED;
  dm_frame before = frame_in(a_static_function, 0);
  dm_symbols_want(after);
  dm_symbols_want(at);
  dm_symbols_want(before);
  ck_assert(!dm_symbols_find(at, &symbol));
  dm_symbols_resolve();
  ck_assert(dm_symbols_find(after, &symbol));
  ck_assert_str_eq(symbol.name, "a_static_function");
  ck_assert_uint_eq(symbol.offset, 1);
  ck_assert(dm_symbols_find(at, &symbol));
  ck_assert_str_eq(symbol.name, "a_static_function");
  ck_assert_uint_eq(symbol.offset, 0);
  ck_assert(!dm_symbols_find(before, &symbol) ||
            strcmp(symbol.name, "a_static_function") != 0);
}
END_TEST

START_TEST(no_names)
{
  struct dm_symbol symbol;
  uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
  dm_frame jit = 0x12345;
  dm_frame strange = (dm_frame) DM_MODULES_MAX << DM_FRAME_MODULE_SHIFT | 1;
  dm_symbols_resolve();
  dm_symbols_forget();
  dm_symbols_want(jit);
  dm_symbols_want(strange);
  dm_symbols_resolve();
  ck_assert(!dm_symbols_find(jit, &symbol));
  ck_assert(!dm_symbols_find(strange, &symbol));
  ck_assert(!dm_symbols_find(jit + 1, &symbol));
  ck_assert_str_eq(name_of((void *) (vdso + 0x700)), "?");
}
END_TEST

START_TEST(plugin_with_symtab)
{
  void *plugin = load(in_folder(here, "plugin_a.so"));
  ck_assert_str_eq(name_of(function_in(plugin, "plugin_number")),
                   "plugin_number");
  ck_assert_str_eq(name_of(ask(plugin, "plugin_hidden")), "hidden_function");
  ck_assert_str_eq(name_of(function_in(plugin, "__plugin_alias")),
                   "plugin_alias");
}
END_TEST

START_TEST(stripped_plugin)
{
  void *plugin = load(in_folder(here, "plugin_stripped.so"));
  ck_assert_str_eq(name_of(function_in(plugin, "plugin_number")),
                   "plugin_number");
  ck_assert_str_eq(name_of(ask(plugin, "plugin_hidden")), "?");
}
END_TEST

START_TEST(long_names_are_cut)
{
  void *plugin = load(in_folder(here, "plugin_a.so"));
  const char *name = name_of(ask(plugin, "plugin_long"));
  ck_assert_uint_eq(strlen(name), DM_SYMBOL_MAX);
  ck_assert(strncmp(name, "a_long_name_xxx", 15) == 0);
  ck_assert_str_eq(name + DM_SYMBOL_MAX - 5, "xx...");
}
END_TEST

START_TEST(names_outlive_dlclose)
{
  void *plugin = load(in_folder(here, "plugin_a.so"));
  dm_frame frame = frame_in(ask(plugin, "plugin_hidden"), 3);
  dlclose(plugin);
  struct dm_symbol symbol;
  dm_symbols_want(frame);
  dm_symbols_resolve();
  ck_assert(dm_symbols_find(frame, &symbol));
  ck_assert_str_eq(symbol.name, "hidden_function");
  ck_assert_uint_eq(symbol.offset, 3);
}
END_TEST

/* Loads a copy of OLD, puts NEW in its place, and returns what its hidden
   function is called then. NEW may be NULL: the file is removed. */
static const char *
name_after_upgrade(const char *old, const char *new)
{
  copy(in_folder(here, old), in_folder(scratch, "plugin.so"));
  void *plugin = load(in_folder(scratch, "plugin.so"));
  void *function = ask(plugin, "plugin_hidden");
  dm_modules_find((uintptr_t) function);
  if (new)
    copy(in_folder(here, new), in_folder(scratch, "plugin.so"));
  else
    unlink(in_folder(scratch, "plugin.so"));
  return name_of(function);
}

START_TEST(replaced_by_the_same)
{
  ck_assert_str_eq(name_after_upgrade("plugin_a.so", "plugin_a.so"),
                   "hidden_function");
}
END_TEST

START_TEST(replaced_by_another)
{
  ck_assert_str_eq(name_after_upgrade("plugin_a.so", "plugin_b.so"), "?");
}
END_TEST

START_TEST(replaced_without_build_id)
{
  ck_assert_str_eq(name_after_upgrade("plugin_no_id.so", "plugin_no_id.so"),
                   "hidden_function");
}
END_TEST

START_TEST(replaced_by_another_without_build_id)
{
  ck_assert_str_eq(
      name_after_upgrade("plugin_no_id.so", "plugin_no_id_bulk.so"), "?");
}
END_TEST

START_TEST(removed)
{
  ck_assert_str_eq(name_after_upgrade("plugin_a.so", NULL), "?");
}
END_TEST

START_TEST(replaced_by_a_pipe)
{
  void *plugin;
  copy(in_folder(here, "plugin_a.so"), in_folder(scratch, "plugin.so"));
  plugin = load(in_folder(scratch, "plugin.so"));
  void *function = ask(plugin, "plugin_hidden");
  dm_modules_find((uintptr_t) function);
  unlink(in_folder(scratch, "plugin.so"));
  ck_assert_int_eq(mkfifo(in_folder(scratch, "plugin.so"), 0600), 0);
  ck_assert_str_eq(name_of(function), "?");
}
END_TEST

/* What a copy of this program does that was started with --removed. */
static int
remove_myself(void)
{
  char path[PATH_MAX];
  dm_sys_readlink("/proc/self/exe", path, sizeof path);
  dm_modules_find((uintptr_t) remove_myself);
  if (unlink(path) != 0)
    return 2;
  return strcmp(name_of(a_static_function), "a_static_function") != 0;
}

START_TEST(program_removed)
{
  char command[2 * PATH_MAX];
  copy(in_folder(here, "test_symbols"), in_folder(scratch, "program"));
  snprintf(command, sizeof command, "%s/program --removed", scratch);
  ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(failures_do_not_last)
{
  dm_sys_fail_after(1, true);
  ck_assert_str_eq(name_of(a_static_function), "?");
  dm_sys_fail_after(0, false);
  ck_assert_str_eq(name_of(a_static_function), "a_static_function");
  /* The mapping of the batch succeeds, opening the files fails. */
  dm_sys_fail_after(2, true);
  ck_assert_str_eq(name_of(an_exported_function), "?");
  dm_sys_fail_after(0, false);
  ck_assert_str_eq(name_of(an_exported_function), "an_exported_function");
}
END_TEST

static unsigned
open_descriptors(void)
{
  unsigned count = 0;
  for (int fd = 0; fd < 256; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

START_TEST(nothing_is_kept_open)
{
  unsigned before = open_descriptors();
  name_of(a_static_function);
  name_of(function_in(load(in_folder(here, "plugin_a.so")), "plugin_number"));
  /* Stripped, with a debug file where Debian's libc6-dbg is installed. */
  name_of(function_in(load("libc.so.6"), "malloc"));
  size_t mapped = dm_sys_mapped_bytes();
  name_of(an_exported_function);
  ck_assert_uint_eq(dm_sys_mapped_bytes(), mapped);
  ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

enum
{
  MANY = 40000
};

START_TEST(more_than_the_cache_holds)
{
  const char *start = function_in(load("libc.so.6"), "malloc");
  struct dm_symbol symbol;
  for (unsigned round = 0; round < 3; round++)
  {
    unsigned named = 0;
    for (unsigned i = 0; i < MANY; i++)
      dm_symbols_want(frame_in(start, i + 1));
    dm_symbols_resolve();
    for (unsigned i = 0; i < MANY; i++)
      if (dm_symbols_find(frame_in(start, i + 1), &symbol))
        named++;
    ck_assert_uint_gt(named, 10000);
    ck_assert(dm_symbols_find(frame_in(start, 1), &symbol));
    ck_assert_str_eq(symbol.name, "malloc");
    /* The last one had no room; a new batch has. */
    ck_assert(!dm_symbols_find(frame_in(start, MANY), &symbol));
    ck_assert_str_eq(name_of(a_static_function), "a_static_function");
  }
}
END_TEST

static Suite *
make_symbols_suite(void)
{
  Suite *suite = suite_create("symbols");
  TCase *real = tcase_create("real modules");
  tcase_add_checked_fixture(real, setup, teardown);
  tcase_add_test(real, functions_of_the_program);
  tcase_add_test(real, functions_of_libc);
  tcase_add_test(real, addresses_between_calls);
  tcase_add_test(real, no_names);
  tcase_add_test(real, plugin_with_symtab);
  tcase_add_test(real, stripped_plugin);
  tcase_add_test(real, long_names_are_cut);
  tcase_add_test(real, names_outlive_dlclose);
  tcase_add_test(real, replaced_by_the_same);
  tcase_add_test(real, replaced_by_another);
  tcase_add_test(real, replaced_without_build_id);
  tcase_add_test(real, replaced_by_another_without_build_id);
  tcase_add_test(real, removed);
  tcase_add_test(real, replaced_by_a_pipe);
  tcase_add_test(real, program_removed);
  tcase_add_test(real, failures_do_not_last);
  tcase_add_test(real, nothing_is_kept_open);
  tcase_add_test(real, more_than_the_cache_holds);
  suite_add_tcase(suite, real);

  return suite;
}

int
main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "--removed") == 0)
    return remove_myself();
  SRunner *runner = srunner_create(make_symbols_suite());
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
