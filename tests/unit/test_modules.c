/* test_modules.c -- the table of what is loaded. */

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "books/modules.h"

/* Where the test program and its plug-ins are; where copies are made. */
static char here[PATH_MAX];
static char scratch[] = "/tmp/dmalloc-modules-XXXXXX";

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

static void
copy(const char *plugin, const char *name)
{
  char command[3 * PATH_MAX];
  snprintf(command, sizeof command, "cp --remove-destination %s/%s.so %s/%s",
           here, plugin, scratch, name);
  ck_assert_int_eq(system(command), 0);
}

static void *
load_path(const char *folder, const char *name)
{
  char path[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(handle != NULL, "%s", dlerror());
  return handle;
}

static uintptr_t
address_in(void *handle)
{
  void *address = dlsym(handle, "plugin_number");
  ck_assert_ptr_nonnull(address);
  return (uintptr_t) address;
}

static uintptr_t
in_libc(void)
{
  return (uintptr_t) dlsym(dlopen("libc.so.6", RTLD_NOW), "puts");
}

static unsigned
number_of(void *handle)
{
  return dm_modules_find(address_in(handle));
}

static unsigned gone_count, gone_last;

static void
note_gone(unsigned number)
{
  gone_count++;
  gone_last = number;
}

static unsigned
recheck(void)
{
  gone_count = 0;
  dm_modules_recheck(note_gone);
  return gone_count;
}

START_TEST(the_program)
{
  unsigned number = dm_modules_find((uintptr_t) recheck);
  ck_assert_uint_ne(number, 0);
  const struct dm_module *module = dm_module(number);
  char exe[PATH_MAX];
  dm_sys_readlink("/proc/self/exe", exe, sizeof exe);
  ck_assert_str_eq(module->path, exe);
  ck_assert(module->is_program && module->loaded);
  ck_assert((uintptr_t) recheck >= module->start &&
            (uintptr_t) recheck < module->end);
  ck_assert_uint_eq(dm_modules_find((uintptr_t) recheck + 1), number);
  ck_assert_uint_eq(dm_modules_count(), number);
}
END_TEST

/* What the loader itself says about a module. */
struct truth
{
  uintptr_t address, base;
  unsigned length;
  uint8_t build_id[DM_BUILD_ID_MAX];
};

static int
look_up_truth(struct dl_phdr_info *info, size_t size, void *arg)
{
  struct truth *truth = arg;
  struct dm_elf_identity identity = {0};
  bool inside = false;
  (void) size;
  for (int i = 0; i < info->dlpi_phnum; i++)
  {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + segment->p_vaddr;
    if (segment->p_type == PT_LOAD && truth->address >= start &&
        truth->address < start + segment->p_memsz)
      inside = true;
    if (segment->p_type == PT_NOTE)
      dm_elf_note_build_id((const void *) start, segment->p_memsz,
                           segment->p_align, &identity);
  }
  if (!inside)
    return 0;
  truth->base = info->dlpi_addr;
  truth->length = identity.build_id_length;
  memcpy(truth->build_id, identity.build_id, sizeof truth->build_id);
  return 1;
}

static void
check_against_loader(uintptr_t address)
{
  struct truth truth = {.address = address};
  ck_assert_int_eq(dl_iterate_phdr(look_up_truth, &truth), 1);
  const struct dm_module *module = dm_module(dm_modules_find(address));
  ck_assert_uint_eq(module->base, truth.base);
  ck_assert_uint_eq(module->identity.build_id_length, truth.length);
  ck_assert_mem_eq(module->identity.build_id, truth.build_id, truth.length);
}

START_TEST(bases_and_build_ids)
{
  check_against_loader((uintptr_t) recheck);
  check_against_loader(in_libc());
  check_against_loader(getauxval(AT_SYSINFO_EHDR));
  check_against_loader(getauxval(AT_BASE));
  check_against_loader(address_in(load_path(here, "plugin_a.so")));
  /* Debian's libc has one, so this has compared something. */
  const struct dm_module *libc = dm_module(dm_modules_find(in_libc()));
  ck_assert_uint_eq(libc->identity.build_id_length, 20);
  ck_assert(!libc->is_program);
  ck_assert(strstr(libc->path, "/libc.so.6"));
}
END_TEST

START_TEST(no_module)
{
  int on_stack;
  void *on_heap = malloc(1);
  ck_assert_uint_eq(dm_modules_find((uintptr_t) &on_stack), 0);
  ck_assert_uint_eq(dm_modules_find((uintptr_t) on_heap), 0);
  ck_assert_uint_eq(dm_modules_find(0), 0);
  ck_assert_uint_eq(dm_modules_find(UINTPTR_MAX), 0);
  ck_assert_uint_eq(dm_modules_count(), 0);
  ck_assert_ptr_null(dm_module(0));
  ck_assert_ptr_null(dm_module(1));
  ck_assert_ptr_null(dm_module(DM_MODULES_MAX + 1));
  free(on_heap);
}
END_TEST

START_TEST(the_loader)
{
  dm_modules_find((uintptr_t) recheck);
  uintptr_t base = getauxval(AT_BASE);
  ck_assert_uint_eq(dm_loader_start, base);
  ck_assert((uintptr_t) &_r_debug > base);
  ck_assert(dm_loader_end > base + 4096 && dm_loader_end < base + (1 << 20));
}
END_TEST

START_TEST(vdso_has_no_path)
{
  unsigned number = dm_modules_find(getauxval(AT_SYSINFO_EHDR));
  ck_assert_uint_ne(number, 0);
  ck_assert_str_eq(dm_module(number)->path, "linux-vdso.so.1");
}
END_TEST

START_TEST(another_at_the_same_place)
{
  void *a = load_path(here, "plugin_a.so");
  unsigned number_a = number_of(a);
  uintptr_t place = address_in(a);
  ck_assert_uint_eq(recheck(), 0);
  dlclose(a);
  ck_assert_uint_eq(recheck(), 1);
  ck_assert_uint_eq(gone_last, number_a);
  ck_assert(!dm_module(number_a)->loaded);
  ck_assert_uint_eq(recheck(), 0);

  void *b = load_path(here, "plugin_b.so");
  ck_assert_uint_eq(address_in(b), place);
  unsigned number_b = number_of(b);
  ck_assert_uint_ne(number_b, number_a);
  ck_assert(strstr(dm_module(number_a)->path, "/plugin_a.so"));
  ck_assert(strstr(dm_module(number_b)->path, "/plugin_b.so"));
  ck_assert_uint_eq(dm_module(number_a)->start, dm_module(number_b)->start);
  dlclose(b);
  ck_assert_uint_eq(recheck(), 1);

  a = load_path(here, "plugin_a.so");
  ck_assert_uint_eq(address_in(a), place);
  ck_assert_uint_eq(number_of(a), number_a);
  ck_assert(dm_module(number_a)->loaded && !dm_module(number_b)->loaded);
}
END_TEST

START_TEST(rebuilt_at_the_same_path)
{
  copy("plugin_a", "plugin.so");
  void *handle = load_path(scratch, "plugin.so");
  unsigned first = number_of(handle);
  dlclose(handle);
  recheck();
  copy("plugin_b", "plugin.so");
  handle = load_path(scratch, "plugin.so");
  unsigned second = number_of(handle);
  ck_assert_uint_ne(first, second);
  ck_assert_str_eq(dm_module(first)->path, dm_module(second)->path);
}
END_TEST

START_TEST(rebuilt_without_build_ids)
{
  copy("plugin_no_id", "plugin.so");
  void *handle = load_path(scratch, "plugin.so");
  unsigned first = number_of(handle);
  ck_assert_uint_eq(dm_module(first)->identity.build_id_length, 0);
  ck_assert_uint_ne(dm_module(first)->identity.headers, 0);
  dlclose(handle);
  recheck();
  handle = load_path(scratch, "plugin.so");
  ck_assert_uint_eq(number_of(handle), first);
  dlclose(handle);
  recheck();
  copy("plugin_no_id_bulk", "plugin.so");
  handle = load_path(scratch, "plugin.so");
  ck_assert_uint_ne(number_of(handle), first);
}
END_TEST

START_TEST(seen_again_before_a_recheck)
{
  void *handle = load_path(here, "plugin_a.so");
  unsigned first = number_of(handle);
  dlclose(handle);
  handle = load_path(here, "plugin_no_id_bulk.so");
  unsigned second = number_of(handle);
  ck_assert_uint_ne(first, second);
  ck_assert_uint_eq(recheck(), 1);
  ck_assert_uint_eq(gone_last, first);
  ck_assert_uint_eq(number_of(handle), second);
}
END_TEST

/* Whoever hides a library's headers keeps its code running. */
START_TEST(a_header_that_cannot_be_read)
{
  struct link_map *map = load_path(here, "plugin_a.so");
  uintptr_t code = address_in(map);
  ck_assert_int_eq(mprotect((void *) map->l_addr, 4096, PROT_NONE), 0);
  unsigned number = dm_modules_find(code);
  ck_assert_uint_ne(number, 0);
  ck_assert_uint_eq(dm_module(number)->identity.headers, 0);
  ck_assert_uint_eq(dm_module(number)->identity.build_id_length, 0);
  ck_assert(strstr(dm_module(number)->path, "/plugin_a.so"));
  ck_assert_uint_eq(dm_modules_find(code), number);
  /* A leak sanitizer reads it at the end. */
  ck_assert_int_eq(mprotect((void *) map->l_addr, 4096, PROT_READ), 0);
}
END_TEST

START_TEST(relative_paths)
{
  copy("plugin_a", "plugin.so");
  ck_assert_int_eq(chdir(scratch), 0);
  void *handle = load_path(".", "plugin.so");
  const char *path = dm_module(number_of(handle))->path;
  ck_assert_str_eq(path + strlen(path) - strlen("/plugin.so"), "/plugin.so");
  ck_assert(strncmp(path, scratch, strlen(scratch)) == 0);
  ck_assert_uint_eq(strlen(path), strlen(scratch) + strlen("/plugin.so"));
}
END_TEST

START_TEST(without_memory)
{
  dm_sys_fail_after(1, true);
  ck_assert_uint_eq(dm_modules_find((uintptr_t) recheck), 0);
  dm_sys_fail_after(0, false);
  ck_assert_uint_eq(dm_modules_find((uintptr_t) recheck), 1);
}
END_TEST

START_TEST(more_than_the_table_holds)
{
  unsigned program = dm_modules_find((uintptr_t) recheck);
  char target[2 * PATH_MAX], name[64], path[PATH_MAX];
  snprintf(target, sizeof target, "%s/plugin_a.so", here);
  for (unsigned i = 2; i <= DM_MODULES_MAX + 3; i++)
  {
    snprintf(name, sizeof name, "%u.so", i);
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    ck_assert_int_eq(symlink(target, path), 0);
    void *handle = load_path(scratch, name);
    ck_assert_uint_eq(number_of(handle), i <= DM_MODULES_MAX ? i : 0);
    dlclose(handle);
    recheck();
  }
  ck_assert_uint_eq(dm_modules_count(), DM_MODULES_MAX);
  ck_assert_uint_eq(dm_modules_find((uintptr_t) recheck), program);
}
END_TEST

enum
{
  COPIES = 40,
  THREADS = 8
};

static uintptr_t addresses[COPIES];

static void
load_copies(void)
{
  for (unsigned i = 0; i < COPIES; i++)
  {
    char name[64];
    snprintf(name, sizeof name, "copy%u.so", i);
    copy("plugin_a", name);
    addresses[i] = address_in(load_path(scratch, name));
  }
}

struct racer
{
  pthread_t thread;
  unsigned seed;
  unsigned numbers[COPIES];
};

static pthread_barrier_t barrier;

static void *
race(void *arg)
{
  struct racer *racer = arg;
  pthread_barrier_wait(&barrier);
  /* Half of the threads in the same order, the others each in its own. */
  for (unsigned i = 0; i < COPIES; i++)
  {
    unsigned which = racer->seed % 2 ? i : (i * 7 + racer->seed) % COPIES;
    racer->numbers[which] = dm_modules_find(addresses[which]);
  }
  return NULL;
}

/* All of the COPIES have NUMBERS, each another one, and there are no more. */
static void
check_numbers(const unsigned *numbers)
{
  bool taken[COPIES + 1] = {false};
  ck_assert_uint_eq(dm_modules_count(), COPIES);
  for (unsigned i = 0; i < COPIES; i++)
  {
    ck_assert(numbers[i] >= 1 && numbers[i] <= COPIES && !taken[numbers[i]]);
    taken[numbers[i]] = true;
    ck_assert(addresses[i] >= dm_module(numbers[i])->start &&
              addresses[i] < dm_module(numbers[i])->end);
  }
}

static void
race_once(void)
{
  static struct racer racers[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (unsigned i = 0; i < THREADS; i++)
  {
    racers[i].seed = i;
    ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]),
                     0);
  }
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(racers[i].thread, NULL);
  check_numbers(racers[0].numbers);
  for (unsigned i = 1; i < THREADS; i++)
    ck_assert_mem_eq(racers[i].numbers, racers[0].numbers,
                     sizeof racers[0].numbers);
}

/* Runs TEST in a child, whose table is empty. */
static void
in_child(void (*test)(void))
{
  pid_t child = fork();
  if (child == 0)
  {
    test();
    _exit(0);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
}

START_TEST(threads_agree)
{
  load_copies();
  for (unsigned i = 0; i < 200; i++)
    in_child(race_once);
}
END_TEST

static unsigned handled[COPIES];
static volatile unsigned next_handled;

static void
register_next(int signal)
{
  (void) signal;
  unsigned i = next_handled % COPIES;
  handled[i] = dm_modules_find(addresses[i]);
  next_handled = i + 1;
}

/* Sends this process signals as fast as it takes them, while it registers. */
static void
interrupted_once(void)
{
  unsigned numbers[COPIES];
  pid_t parent = getpid();
  next_handled = 0;
  signal(SIGUSR1, register_next);
  pid_t sender = fork();
  if (sender == 0)
  {
    while (getppid() == parent)
      kill(parent, SIGUSR1);
    _exit(0);
  }
  while (next_handled == 0)
    usleep(10);
  for (unsigned i = 0; i < COPIES; i++)
    numbers[i] = dm_modules_find(addresses[i]);
  kill(sender, SIGKILL);
  waitpid(sender, NULL, 0);
  signal(SIGUSR1, SIG_IGN);
  check_numbers(numbers);
  for (unsigned i = 0; i < COPIES; i++)
    ck_assert(handled[i] == 0 || handled[i] == numbers[i]);
}

START_TEST(signals_interrupt)
{
  load_copies();
  for (unsigned i = 0; i < 100; i++)
    in_child(interrupted_once);
}
END_TEST

static Suite *
make_modules_suite(void)
{
  Suite *suite = suite_create("modules");
  TCase *tcase = tcase_create("modules");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, the_program);
  tcase_add_test(tcase, bases_and_build_ids);
  tcase_add_test(tcase, no_module);
  tcase_add_test(tcase, the_loader);
  tcase_add_test(tcase, vdso_has_no_path);
  tcase_add_test(tcase, another_at_the_same_place);
  tcase_add_test(tcase, rebuilt_at_the_same_path);
  tcase_add_test(tcase, rebuilt_without_build_ids);
  tcase_add_test(tcase, seen_again_before_a_recheck);
  tcase_add_test(tcase, a_header_that_cannot_be_read);
  tcase_add_test(tcase, relative_paths);
  tcase_add_test(tcase, without_memory);
  tcase_add_test(tcase, more_than_the_table_holds);
  tcase_add_test(tcase, threads_agree);
  tcase_add_test(tcase, signals_interrupt);
  suite_add_tcase(suite, tcase);
  return suite;
}

int
main(void)
{
  SRunner *runner = srunner_create(make_modules_suite());
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
