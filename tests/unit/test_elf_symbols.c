/* test_elf_symbols.c -- functions of made-up tables, and of files that are not
   what they should be. */

#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sys.h"
#include "dump/elf_symbols.h"
#include "dump/symbols.h"

/* Made-up files: one section of code at 0x1000, of 0x1000 bytes, another one
   behind it, and the symbols that a test wants. */

struct made
{
  Elf64_Ehdr header;
  Elf64_Shdr sections[5];
  char strings[4096];
  Elf64_Sym symbols[];
};

enum
{
  CODE = 1,
  MORE_CODE = 2,
  SYMTAB = 3,
  STRTAB = 4
};

static struct made *made;
static unsigned made_symbols, made_strings;

static void
make(unsigned room)
{
  made = calloc(1, sizeof *made + room * sizeof made->symbols[0]);
  made_symbols = 0;
  made_strings = 1;
  memcpy(made->header.e_ident, ELFMAG, SELFMAG);
  made->header.e_ident[EI_CLASS] = ELFCLASS64;
  made->header.e_ident[EI_DATA] = ELFDATA2LSB;
  made->header.e_ident[EI_VERSION] = EV_CURRENT;
  made->header.e_type = ET_DYN;
  made->header.e_machine = EM_X86_64;
  made->header.e_shoff = offsetof(struct made, sections);
  made->header.e_shentsize = sizeof(Elf64_Shdr);
  made->header.e_shnum = 5;
  for (unsigned i = CODE; i <= MORE_CODE; i++)
    made->sections[i] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                     .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                                     .sh_addr = 0x1000 * i,
                                     .sh_size = 0x1000};
  made->sections[SYMTAB] =
      (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                   .sh_offset = offsetof(struct made, symbols),
                   .sh_entsize = sizeof(Elf64_Sym),
                   .sh_link = STRTAB};
  made->sections[STRTAB] =
      (Elf64_Shdr){.sh_type = SHT_STRTAB,
                   .sh_offset = offsetof(struct made, strings),
                   .sh_size = sizeof made->strings};
}

static void
add(const char *name, unsigned type, unsigned binding, uint64_t start,
    uint64_t size)
{
  unsigned length = (unsigned) strlen(name) + 1;
  ck_assert_uint_le(made_strings + length, sizeof made->strings);
  memcpy(made->strings + made_strings, name, length);
  made->symbols[made_symbols++] =
      (Elf64_Sym){.st_name = made_strings,
                  .st_info = ELF64_ST_INFO(binding, type),
                  .st_shndx = start < 0x2000 ? CODE : MORE_CODE,
                  .st_value = start,
                  .st_size = size};
  made_strings += length;
  made->sections[SYMTAB].sh_size = made_symbols * sizeof made->symbols[0];
}

static int
made_file(void)
{
  size_t size = sizeof *made + made_symbols * sizeof made->symbols[0];
  int fd = memfd_create("made", 0);
  ck_assert_int_eq(write(fd, made, size), (ssize_t) size);
  return fd;
}

static void
note_name(void *arg, unsigned index, const char *name, uint64_t start)
{
  (void) start;
  ck_assert_uint_eq(index, 0);
  strcpy(arg, name);
}

/* The function at ADDRESS of the made file, or "?". */
static const char *
made_name(uint64_t address)
{
  static char name[DM_SYMBOL_MAX + 1];
  int fd = made_file();
  int count = dm_symbols_read(fd, NULL, 0, &address, 1, note_name, name);
  ck_assert_int_ge(count, 0);
  close(fd);
  return count ? name : "?";
}

START_TEST(sizes_count)
{
  make(8);
  add("first", STT_FUNC, STB_GLOBAL, 0x1100, 0x10);
  add("label", STT_NOTYPE, STB_LOCAL, 0x1200, 0);
  add("after", STT_FUNC, STB_LOCAL, 0x1300, 1);
  add("last", STT_FUNC, STB_LOCAL, 0x1400, 0);
  ck_assert_str_eq(made_name(0x10ff), "?");
  ck_assert_str_eq(made_name(0x1100), "first");
  ck_assert_str_eq(made_name(0x110f), "first");
  ck_assert_str_eq(made_name(0x1110), "?");
  ck_assert_str_eq(made_name(0x1200), "label");
  ck_assert_str_eq(made_name(0x12ff), "label");
  ck_assert_str_eq(made_name(0x1300), "after");
  ck_assert_str_eq(made_name(0x1301), "?");
  ck_assert_str_eq(made_name(0x1fff), "last");
  /* Not into the next section. */
  ck_assert_str_eq(made_name(0x2000), "?");
  ck_assert_str_eq(made_name(0), "?");
  ck_assert_str_eq(made_name(UINT64_MAX), "?");
}
END_TEST

static void
note_starts(void *arg, unsigned index, const char *name, uint64_t start)
{
  (void) name;
  ((uint64_t *) arg)[index] = start;
}

START_TEST(several_addresses)
{
  static const uint64_t addresses[] = {0x1000, 0x1100, 0x1108, 0x1108,
                                       0x1500, 0x1fff, 0x2000, 0x2300};
  static const uint64_t starts[] = {0,      0x1100, 0x1104, 0x1104,
                                    0x1104, 0x1104, 0,      0x2200};
  uint64_t found[8] = {0};
  make(4);
  add("label", STT_NOTYPE, STB_LOCAL, 0x2200, 0);
  add("label", STT_NOTYPE, STB_LOCAL, 0x1104, 0);
  add("function", STT_FUNC, STB_LOCAL, 0x1100, 4);
  int fd = made_file();
  ck_assert_int_eq(
      dm_symbols_read(fd, NULL, 0, addresses, 8, note_starts, found), 6);
  ck_assert_mem_eq(found, starts, sizeof starts);
}
END_TEST

START_TEST(strings_must_be_a_section)
{
  uint64_t address = 0x1000;
  make(1);
  add("name", STT_FUNC, STB_GLOBAL, 0x1000, 4);
  ck_assert_str_eq(made_name(0x1000), "name");
  /* What looks like a section header behind the last one. */
  made->sections[SYMTAB].sh_link = 5;
  memcpy(made->strings + 64, made->strings, 64);
  memcpy(made->strings, &made->sections[STRTAB], sizeof(Elf64_Shdr));
  ck_assert_int_eq(
      dm_symbols_read(made_file(), NULL, 0, &address, 1, note_starts, &address),
      -ENODATA);
}
END_TEST

START_TEST(several_cover)
{
  make(16);
  add("outer", STT_FUNC, STB_LOCAL, 0x1100, 0x100);
  add("a_label", STT_NOTYPE, STB_GLOBAL, 0x1140, 0);
  add("sized_label", STT_NOTYPE, STB_GLOBAL, 0x1180, 0x10);
  add("inner", STT_FUNC, STB_WEAK, 0x11c0, 0x10);
  ck_assert_str_eq(made_name(0x1150), "outer");
  ck_assert_str_eq(made_name(0x1188), "outer");
  ck_assert_str_eq(made_name(0x11c1), "inner");
  ck_assert_str_eq(made_name(0x11d0), "outer");
}
END_TEST

START_TEST(aliases)
{
  make(16);
  add("__libc_thing", STT_FUNC, STB_GLOBAL, 0x1000, 8);
  add("thing", STT_FUNC, STB_WEAK, 0x1000, 8);
  add("a", STT_OBJECT, STB_GLOBAL, 0x1000, 8);
  add("b", STT_NOTYPE, STB_GLOBAL, 0x1000, 8);
  ck_assert_str_eq(made_name(0x1001), "thing");
  add("thing_local", STT_FUNC, STB_LOCAL, 0x1000, 8);
  ck_assert_str_eq(made_name(0x1001), "thing_local");
  add("thing_global@@V1", STT_FUNC, STB_GLOBAL, 0x1000, 8);
  ck_assert_str_eq(made_name(0x1001), "thing_global");
  add("thing_glob", STT_FUNC, STB_GLOBAL, 0x1000, 8);
  ck_assert_str_eq(made_name(0x1001), "thing_glob");
  add("theng_glob", STT_FUNC, STB_GLOBAL, 0x1000, 8);
  ck_assert_str_eq(made_name(0x1001), "theng_glob");
  add("", STT_FUNC, STB_GLOBAL, 0x1000, 8);
  add("t", STT_GNU_IFUNC, STB_GLOBAL, 0x1000, 8);
  ck_assert_str_eq(made_name(0x1001), "theng_glob");
}
END_TEST

START_TEST(strange_symbols)
{
  make(64);
  add("huge", STT_FUNC, STB_GLOBAL, 0x1800, UINT64_MAX);
  add("elsewhere", STT_FUNC, STB_GLOBAL, 0x1100, 0x10);
  made->symbols[1].st_shndx = MORE_CODE;
  add("undefined", STT_FUNC, STB_GLOBAL, 0x1200, 0x10);
  made->symbols[2].st_shndx = SHN_UNDEF;
  add("absolute", STT_FUNC, STB_GLOBAL, 0x1300, 0x10);
  made->symbols[3].st_shndx = SHN_ABS;
  add("nameless", STT_FUNC, STB_GLOBAL, 0x1400, 0x10);
  made->symbols[4].st_name = UINT32_MAX;
  ck_assert_str_eq(made_name(0x1101), "?");
  ck_assert_str_eq(made_name(0x1201), "?");
  ck_assert_str_eq(made_name(0x1301), "?");
  ck_assert_str_eq(made_name(0x1401), "?");
  ck_assert_str_eq(made_name(0x1fff), "huge");
  ck_assert_str_eq(made_name(0x2001), "?");
  /* Strings that end without a NUL. */
  memset(made->strings + made->symbols[0].st_name, 'x',
         sizeof made->strings - made->symbols[0].st_name);
  ck_assert_uint_eq(strlen(made_name(0x1801)), DM_SYMBOL_MAX);
  made->symbols[0].st_name = sizeof made->strings - 8;
  ck_assert_str_eq(made_name(0x1801), "?");
  /* Behind the strings, in the first symbol itself. */
  made->symbols[0].st_name = sizeof made->strings + 1;
  made_symbols = 64;
  ck_assert_str_eq(made_name(0x1801), "?");
}
END_TEST

static void
ignore(void *arg, unsigned index, const char *name, uint64_t start)
{
  (void) arg, (void) index, (void) name, (void) start;
}

enum
{
  FLOOD = 1000000
};

START_TEST(a_file_made_to_take_long)
{
  uint64_t addresses[1000];
  for (unsigned i = 0; i < 1000; i++)
    addresses[i] = 0x1000 + 4 * i;
  make(FLOOD);
  add("everywhere", STT_FUNC, STB_GLOBAL, 0x1000, 0x1000);
  for (unsigned i = 1; i < FLOOD; i++)
    made->symbols[i] = made->symbols[0];
  made_symbols = FLOOD;
  made->sections[SYMTAB].sh_size = FLOOD * sizeof made->symbols[0];
  int fd = made_file();
  uint64_t start = dm_sys_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  ck_assert_int_eq(dm_symbols_read(fd, NULL, 0, addresses, 1000, ignore, NULL),
                   -ENOEXEC);
  /* One address alone has room for that many. */
  ck_assert_int_eq(dm_symbols_read(fd, NULL, 0, addresses, 1, ignore, NULL),
                   -ENOEXEC);
  uint64_t end = dm_sys_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  ck_assert_uint_lt(end - start, UINT64_C(5000000000));
}
END_TEST

/* Nothing is written there: the file takes no room. */
START_TEST(a_table_that_no_program_has)
{
  uint64_t address = 0x1000, most = 1 << 24;
  make(4);
  add("name", STT_FUNC, STB_GLOBAL, 0x1000, 0x10);
  uint64_t end = made->sections[SYMTAB].sh_offset;
  made->sections[SYMTAB].sh_size = (most + 1) * sizeof made->symbols[0];
  int fd = made_file();
  struct dm_elf elf;
  ck_assert_int_eq(
      ftruncate(fd, (off_t) (end + (most + 1) * sizeof made->symbols[0])), 0);
  ck_assert_int_eq(dm_elf_open(&elf, fd), 0);
  ck_assert_uint_eq(elf.symtab.count, 0);
  ck_assert_int_le(dm_elf_find(&elf, &elf.symtab, &address, 1, ignore, NULL),
                   0);
}
END_TEST

START_TEST(a_file_that_shrinks)
{
  make(4);
  add("name", STT_FUNC, STB_GLOBAL, 0x1000, 0x10);
  int fd = made_file();
  struct dm_elf elf;
  uint64_t address = 0x1000;
  ck_assert_int_eq(dm_elf_open(&elf, fd), 0);
  ck_assert_int_eq(dm_elf_find(&elf, &elf.symtab, &address, 1, ignore, NULL),
                   1);
  ck_assert_int_eq(ftruncate(fd, sizeof *made), 0);
  ck_assert_int_eq(dm_elf_find(&elf, &elf.symtab, &address, 1, ignore, NULL),
                   -ENOEXEC);
}
END_TEST

START_TEST(somebody_elses_descriptor)
{
  make(4);
  int fd = made_file();
  struct dm_elf elf;
  ck_assert_int_eq(dm_elf_open(&elf, fd), 0);
  ck_assert_int_eq(dup2(memfd_create("theirs", 0), fd), fd);
  dm_elf_close(&elf);
  ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
}
END_TEST

/* A real file, its bytes, and addresses all over it. */

static struct
{
  int fd;
  size_t size;
  unsigned char bytes[1 << 20];
  uint64_t addresses[64];
} victim;

static void
open_victim(const char *name)
{
  char path[PATH_MAX];
  dm_sys_readlink("/proc/self/exe", path, sizeof path);
  strcpy(strrchr(path, '/') + 1, name);
  int source = open(path, O_RDONLY);
  ck_assert_int_ge(source, 0);
  ssize_t size = read(source, victim.bytes, sizeof victim.bytes);
  ck_assert(size > 4096 && (size_t) size < sizeof victim.bytes);
  close(source);
  victim.size = (size_t) size;
  victim.fd = memfd_create("victim", 0);
  ck_assert_int_eq(pwrite(victim.fd, victim.bytes, victim.size, 0), size);
  for (unsigned i = 0; i < 64; i++)
    victim.addresses[i] = 0x1000 + 16 * i;
}

static void
check_name(void *arg, unsigned index, const char *name, uint64_t start)
{
  unsigned *calls = arg;
  ck_assert_uint_lt(index, 64);
  ck_assert_uint_ge(strlen(name), 1);
  ck_assert_uint_le(strlen(name), DM_SYMBOL_MAX);
  ck_assert_uint_le(start, victim.addresses[index]);
  ++*calls;
}

/* Reads the victim as it is now. Returns how many names it has. */
static int
read_victim(void)
{
  unsigned calls = 0;
  int count = dm_symbols_read(victim.fd, NULL, 0, victim.addresses, 64,
                              check_name, &calls);
  ck_assert_int_le(count, 64);
  ck_assert_uint_eq(calls, count < 0 ? 0 : (unsigned) count);
  return count;
}

START_TEST(build_id_must_match)
{
  open_victim("plugin_a.so");
  struct dm_elf elf;
  unsigned calls = 0;
  ck_assert_int_eq(dm_elf_open(&elf, victim.fd), 0);
  struct dm_elf_identity id = elf.identity;
  ck_assert_uint_eq(id.build_id_length, 20);
  ck_assert_int_gt(dm_symbols_read(victim.fd, id.build_id, 20, victim.addresses,
                                   64, check_name, &calls),
                   4);
  ck_assert_int_eq(dm_symbols_read(victim.fd, id.build_id, 19, victim.addresses,
                                   64, check_name, &calls),
                   -ESTALE);
  id.build_id[7] ^= 1;
  ck_assert_int_eq(dm_symbols_read(victim.fd, id.build_id, 20, victim.addresses,
                                   64, check_name, &calls),
                   -ESTALE);
}
END_TEST

static const char *const victims[] = {"plugin_a.so", "plugin_stripped.so"};

START_TEST(truncated)
{
  open_victim(victims[_i]);
  ck_assert_int_ge(read_victim(), 3);
  size_t whole = victim.size;
  for (size_t size = whole - whole % 64; size > 0; size -= 64)
  {
    ck_assert_int_eq(ftruncate(victim.fd, (off_t) size), 0);
    read_victim();
  }
  ck_assert_int_eq(ftruncate(victim.fd, 0), 0);
  ck_assert_int_eq(read_victim(), -ENOEXEC);
}
END_TEST

/* Xorshift (Marsaglia, 2003), with a fixed seed: the same files each time. */
static uint64_t
random_number(void)
{
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

/* A place to break: most often where a header or a symbol is. */
static size_t
random_place(void)
{
  const Elf64_Ehdr *header = (const void *) victim.bytes;
  size_t sections = header->e_shnum * sizeof(Elf64_Shdr);
  switch (random_number() % 4)
  {
  case 0:
    return random_number() % (sizeof *header + 13 * sizeof(Elf64_Phdr));
  case 1:
    return header->e_shoff + random_number() % sections;
  case 2:
  {
    const Elf64_Shdr *section = (const void *) (victim.bytes + header->e_shoff);
    section += random_number() % header->e_shnum;
    if (section->sh_type != SHT_NOBITS && section->sh_size > 0)
      return section->sh_offset + random_number() % section->sh_size;
  }
  }
  return random_number() % victim.size;
}

static void
mutate(unsigned char *bytes, size_t size)
{
  static const uint64_t extremes[] = {
      0, 1, 0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX, 1 << 20};
  uint64_t value;
  switch (random_number() % 4)
  {
  case 0:
    bytes[0] = (unsigned char) random_number();
    return;
  case 1:
    value = extremes[random_number() % 7];
    break;
  case 2:
    value = random_number() % 65536;
    break;
  default:
    bytes[0] ^= 1 << random_number() % 8;
    return;
  }
  memcpy(bytes, &value, size < 8 ? size : 8);
}

START_TEST(mutated)
{
  static unsigned char broken[sizeof victim.bytes];
  unsigned refused = 0;
  open_victim(victims[_i]);
  for (unsigned round = 0; round < 10000; round++)
  {
    memcpy(broken, victim.bytes, victim.size);
    for (unsigned n = random_number() % 8 + 1; n > 0; n--)
    {
      size_t place = random_place();
      mutate(broken + place, victim.size - place);
    }
    ck_assert_int_eq(pwrite(victim.fd, broken, victim.size, 0),
                     (ssize_t) victim.size);
    refused += read_victim() < 0;
  }
  /* Some were noticed, and some were not where it matters. */
  ck_assert_uint_gt(refused, 100);
  ck_assert_uint_lt(refused, 9900);
}
END_TEST

static Suite *
make_elf_symbols_suite(void)
{
  Suite *suite = suite_create("elf_symbols");
  TCase *made_up = tcase_create("made-up files");
  tcase_add_test(made_up, sizes_count);
  tcase_add_test(made_up, several_addresses);
  tcase_add_test(made_up, strings_must_be_a_section);
  tcase_add_test(made_up, several_cover);
  tcase_add_test(made_up, aliases);
  tcase_add_test(made_up, strange_symbols);
  tcase_add_test(made_up, a_file_made_to_take_long);
  tcase_add_test(made_up, a_table_that_no_program_has);
  tcase_add_test(made_up, a_file_that_shrinks);
  tcase_add_test(made_up, somebody_elses_descriptor);
  tcase_set_timeout(made_up, 60);
  suite_add_tcase(suite, made_up);

  TCase *broken = tcase_create("broken files");
  tcase_set_timeout(broken, 120);
  tcase_add_test(broken, build_id_must_match);
  tcase_add_loop_test(broken, truncated, 0, 2);
  tcase_add_loop_test(broken, mutated, 0, 2);
  suite_add_tcase(suite, broken);
  return suite;
}

int
main(void)
{
  SRunner *runner = srunner_create(make_elf_symbols_suite());
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
