/* elf_file.c -- the headers of an ELF file: its build id, its tables. */

#include "dump/elf_symbols.h"

#include <errno.h>
#include <string.h>

#include "base/rare.h"
#include "base/sys.h"

/* More sections and symbols than this no program has, and each costs a look at
   all addresses in it, or half a second at the end of a process in all. */
enum
{
  SECTIONS_MAX = 16384,
  SYMBOLS_MAX = 1 << 24
};

enum
{
  WINDOW_SIZE = 65536,
  NOTES_MAX = 1024
};

/* Static, for the stack may be a signal handler's. Untouched until a dump. */
static DM_RARE _Alignas(16) unsigned char window[WINDOW_SIZE];
static DM_RARE _Alignas(8) unsigned char notes[NOTES_MAX];

int
dm_elf_read(const struct dm_elf *elf, void *buffer, size_t size,
            uint64_t offset)
{
  char *at = buffer;
  if (offset > elf->size || size > elf->size - offset)
    return -ENOEXEC;
  while (size > 0)
  {
    ssize_t got = dm_sys_pread(elf->fd, at, size, offset);
    if (got == -EINTR)
      continue;
    if (got < 0)
      return (int) got;
    if (got == 0)
      return -ENOEXEC;
    at += got;
    size -= (size_t) got;
    offset += (uint64_t) got;
  }
  return 0;
}

const void *
dm_elf_walk_next(struct dm_elf_walk *walk)
{
  if (walk->next >= walk->count)
    return NULL;
  if (walk->next >= walk->first + walk->held)
  {
    uint64_t held = WINDOW_SIZE / walk->entry;
    if (held > walk->count - walk->next)
      held = walk->count - walk->next;
    if (dm_elf_read(walk->elf, window, held * walk->entry,
                    walk->offset + walk->next * walk->entry) != 0)
      return NULL;
    walk->first = walk->next;
    walk->held = held;
  }
  return window + (walk->next++ - walk->first) * walk->entry;
}

/* Whether SIZE bytes at OFFSET lie in the file. */
static bool
is_inside(const struct dm_elf *elf, uint64_t offset, uint64_t size)
{
  return offset <= elf->size && size <= elf->size - offset;
}

/* Notes the table of symbols in SECTION, unless it is malformed. */
static void
note_table(const struct dm_elf *elf, const Elf64_Shdr *section,
           struct dm_elf_table *table)
{
  Elf64_Shdr strings;
  if (section->sh_entsize != sizeof(Elf64_Sym) ||
      section->sh_size / sizeof(Elf64_Sym) > SYMBOLS_MAX ||
      (section->sh_flags & SHF_COMPRESSED) ||
      !is_inside(elf, section->sh_offset, section->sh_size) ||
      section->sh_link >= elf->section_count ||
      dm_elf_read(elf, &strings, sizeof strings,
                  elf->sections + section->sh_link * sizeof strings) != 0)
    return;
  if (strings.sh_type != SHT_STRTAB || (strings.sh_flags & SHF_COMPRESSED) ||
      !is_inside(elf, strings.sh_offset, strings.sh_size))
    return;
  table->symbols = section->sh_offset;
  table->count = section->sh_size / sizeof(Elf64_Sym);
  table->strings = strings.sh_offset;
  table->strings_size = strings.sh_size;
}

/* Looks for the build id in SIZE bytes of notes at OFFSET. */
static void
note_build_id(struct dm_elf *elf, uint64_t offset, uint64_t size,
              uint64_t alignment)
{
  if (elf->identity.build_id_length != 0)
    return;
  if (size > sizeof notes)
    size = sizeof notes;
  if (dm_elf_read(elf, notes, size, offset) == 0)
    dm_elf_note_build_id(notes, size, alignment, &elf->identity);
}

/* Reads the first page: what the identity is made of, and where the section
   headers are. It lies in the window, which is free until the first walk. */
static int
read_head(struct dm_elf *elf)
{
  size_t size = elf->size < DM_ELF_HEAD_SIZE ? elf->size : DM_ELF_HEAD_SIZE;
  int error = dm_elf_read(elf, window, size, 0);
  if (error)
    return error;
  const Elf64_Ehdr *header = dm_elf_header(window, size);
  if (!header)
    return -ENOEXEC;
  elf->identity.headers = dm_elf_hash_headers(header, size);

  unsigned count;
  const Elf64_Phdr *segments = dm_elf_program_headers(header, size, &count);
  for (unsigned i = 0; segments && i < count; i++)
    if (segments[i].p_type == PT_NOTE)
      note_build_id(elf, segments[i].p_offset, segments[i].p_filesz,
                    segments[i].p_align);

  if (header->e_shoff == 0)
    return 0;
  if (header->e_shentsize != sizeof(Elf64_Shdr))
    return -ENOEXEC;
  elf->sections = header->e_shoff;
  elf->section_count = header->e_shnum;
  return 0;
}

/* Reads the section headers. */
static int
read_sections(struct dm_elf *elf)
{
  if (elf->section_count > SECTIONS_MAX ||
      !is_inside(elf, elf->sections, elf->section_count * sizeof(Elf64_Shdr)))
    return -ENOEXEC;
  struct dm_elf_walk walk = {.elf = elf,
                             .offset = elf->sections,
                             .count = elf->section_count,
                             .entry = sizeof(Elf64_Shdr)};
  const Elf64_Shdr *section;
  while ((section = dm_elf_walk_next(&walk)))
  {
    if (section->sh_type == SHT_SYMTAB && elf->symtab.count == 0)
      note_table(elf, section, &elf->symtab);
    else if (section->sh_type == SHT_DYNSYM && elf->dynsym.count == 0)
      note_table(elf, section, &elf->dynsym);
    else if (section->sh_type == SHT_NOTE)
      note_build_id(elf, section->sh_offset, section->sh_size,
                    section->sh_addralign);
  }
  return 0;
}

int
dm_elf_open(struct dm_elf *elf, int fd)
{
  struct stat status;
  memset(elf, 0, sizeof *elf);
  elf->fd = fd;
  int error = dm_sys_fstat(fd, &status);
  if (error)
    return error;
  elf->device = status.st_dev;
  elf->inode = status.st_ino;
  if (!S_ISREG(status.st_mode) || status.st_size <= 0)
    return -ENOEXEC;
  elf->size = (uint64_t) status.st_size;
  error = read_head(elf);
  return error ? error : read_sections(elf);
}

void
dm_elf_close(const struct dm_elf *elf)
{
  struct stat status;
  if (dm_sys_fstat(elf->fd, &status) == 0 && status.st_dev == elf->device &&
      status.st_ino == elf->inode)
    dm_sys_close(elf->fd);
}
