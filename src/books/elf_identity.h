/* elf_identity.h -- what tells one ELF image from another.

   Two images are the same when their build ids are the same. An image without
   a build id is known by a hash of its ELF header and program headers, which
   changes with nearly every change of the code, for it covers the sizes of all
   segments and the place of the section headers.

   The same identity is made of a module in memory and of its file, so that
   names are read from the right file only.

   All of it is Thread-safe and Signal-safe. */

#ifndef DM_BOOKS_ELF_IDENTITY_H
#define DM_BOOKS_ELF_IDENTITY_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
  DM_BUILD_ID_MAX = 32
};

/* How much of an image's beginning counts: the ELF header, and the program
   headers when they lie in it, as they do but for odd tools. */
enum
{
  DM_ELF_HEAD_SIZE = 4096
};

struct dm_elf_identity
{
  uint8_t build_id[DM_BUILD_ID_MAX];
  uint8_t build_id_length; /* bytes; 0: it has none */
  uint64_t headers;        /* the hash; 0: it has no ELF header */
};

/* Whether both are the same image. A file has always headers, so none is equal
   to a module in memory that has neither headers nor a build id. */
bool dm_elf_identity_equal(const struct dm_elf_identity *a,
                           const struct dm_elf_identity *b);

/* The ELF header at HEAD, of which SIZE bytes can be read, if it is one of a
   program or shared library of this very machine; otherwise NULL. HEAD must
   be aligned to 8. */
const Elf64_Ehdr *dm_elf_header(const void *head, size_t size);

/* The program headers after HEADER, whose image has SIZE bytes that can be
   read from there; *COUNT says how many. NULL when they are elsewhere. */
const Elf64_Phdr *dm_elf_program_headers(const Elf64_Ehdr *header, size_t size,
                                         unsigned *count);

/* The hash of HEADER and its program headers, as found above. Never 0. */
uint64_t dm_elf_hash_headers(const Elf64_Ehdr *header, size_t size);

/* Looks for a build id among the SIZE bytes of notes at NOTES, padded to
   ALIGNMENT. Fills it in and returns true when there is one. */
bool dm_elf_note_build_id(const void *notes, size_t size, size_t alignment,
                          struct dm_elf_identity *identity);

/* Fills IDENTITY from the module that is loaded at START to END, with BASE
   added to its file's addresses; what cannot be read of it is not there. The
   module must not be unloaded meanwhile. */
void dm_elf_identity_of_image(uintptr_t start, uintptr_t end, uintptr_t base,
                              struct dm_elf_identity *identity);

#endif
