/* elf_symbols.h -- the symbol tables of an ELF file, read with pread.

   Nothing that the file says is believed before it is compared with the file's
   size, and no loop is longer than the file allows. The file is not mapped, for
   a mapping faults when somebody truncates the file.

   Used by one thread at a time (there is one window); Signal-safe; never
   allocates from the program's heap. */

#ifndef DM_DUMP_ELF_SYMBOLS_H
#define DM_DUMP_ELF_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "books/elf_identity.h"

/* A table of symbols and its strings: places in the file. */
struct dm_elf_table
{
  uint64_t symbols;
  uint64_t count; /* 0: there is no such table */
  uint64_t strings, strings_size;
};

struct dm_elf
{
  int fd;
  dev_t device; /* which file FD is */
  ino_t inode;
  uint64_t size;     /* of the file */
  uint64_t sections; /* where the section headers are */
  uint64_t section_count;
  struct dm_elf_identity identity;
  struct dm_elf_table symtab, dynsym;
};

/* Reads what the headers of the file open at FD say; on failure FD can still
   be given to dm_elf_close. Returns 0, -ENOEXEC for
   a file that is no ELF file of this machine or a malformed one, or what
   pread failed with. */
int dm_elf_open(struct dm_elf *elf, int fd);

/* Closes the descriptor, unless it is another file by now: a program that
   closes all its descriptors does not know that one is ours, and may have
   opened its own at that number. */
void dm_elf_close(const struct dm_elf *elf);

/* Looks COUNT ADDRESSES (of the file, ascending) up in TABLE; see
   dm_symbols_read in symbols.h. */
int dm_elf_find(const struct dm_elf *elf, const struct dm_elf_table *table,
                const uint64_t *addresses, unsigned count,
                void (*found)(void *arg, unsigned index, const char *name,
                              uint64_t start),
                void *arg);

/* For who reads a table in order: entries of ENTRY bytes, COUNT
   of them, at OFFSET in the file. Only one walk goes on at a time. */
struct dm_elf_walk
{
  const struct dm_elf *elf;
  uint64_t offset, count;
  size_t entry;
  uint64_t next;        /* the entry that is given next */
  uint64_t first, held; /* what lies in the window */
};

/* The next entry, valid until the next call; NULL after the last one, or when
   the file has become shorter. */
const void *dm_elf_walk_next(struct dm_elf_walk *walk);

/* Reads exactly SIZE bytes at OFFSET. Returns 0, or -ENOEXEC when the file
   ends before, or what pread failed with. */
int dm_elf_read(const struct dm_elf *elf, void *buffer, size_t size,
                uint64_t offset);

#endif
