/* elf_identity.c -- what tells one ELF image from another. */

#include "books/elf_identity.h"

#include <string.h>

#include "base/sys.h"

/* Our own ELF header, put there by the linker: it says what a header of this
   machine looks like. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

bool
dm_elf_identity_equal(const struct dm_elf_identity *a,
                      const struct dm_elf_identity *b)
{
  if (a->build_id_length != b->build_id_length)
    return false;
  if (a->build_id_length == 0)
    return a->headers == b->headers;
  return memcmp(a->build_id, b->build_id, a->build_id_length) == 0;
}

const Elf64_Ehdr *
dm_elf_header(const void *head, size_t size)
{
  const Elf64_Ehdr *header = head;
  if (size < sizeof *header)
    return NULL;
  if (memcmp(header->e_ident, __ehdr_start.e_ident, EI_OSABI) != 0)
    return NULL;
  if (header->e_machine != __ehdr_start.e_machine)
    return NULL;
  if (header->e_type != ET_DYN && header->e_type != ET_EXEC)
    return NULL;
  return header;
}

const Elf64_Phdr *
dm_elf_program_headers(const Elf64_Ehdr *header, size_t size, unsigned *count)
{
  if (size > DM_ELF_HEAD_SIZE)
    size = DM_ELF_HEAD_SIZE;
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff > size ||
      header->e_phoff % sizeof(uintptr_t) != 0 ||
      header->e_phnum > (size - header->e_phoff) / sizeof(Elf64_Phdr))
    return NULL;
  *count = header->e_phnum;
  return (const void *) ((const char *) header + header->e_phoff);
}

/* FNV-1a (Fowler, Noll, Vo), by words: both structures consist of them. */
static uint64_t
hash_words(uint64_t hash, const void *data, size_t size)
{
  const char *bytes = data;
  for (size_t i = 0; i + sizeof(uint32_t) <= size; i += sizeof(uint32_t))
  {
    uint32_t word;
    memcpy(&word, bytes + i, sizeof word);
    hash = (hash ^ word) * UINT64_C(0x100000001b3);
    hash ^= hash >> 32;
  }
  return hash;
}

uint64_t
dm_elf_hash_headers(const Elf64_Ehdr *header, size_t size)
{
  uint64_t hash =
      hash_words(UINT64_C(0xcbf29ce484222325), header, sizeof *header);
  unsigned count;
  const Elf64_Phdr *segments = dm_elf_program_headers(header, size, &count);
  if (segments)
    hash = hash_words(hash, segments, count * sizeof *segments);
  return hash | 1;
}

/* SIZE rounded up to ALIGNMENT, a power of two. */
static uint64_t
padded(uint64_t size, size_t alignment)
{
  return (size + alignment - 1) & ~(uint64_t) (alignment - 1);
}

bool
dm_elf_note_build_id(const void *notes, size_t size, size_t alignment,
                     struct dm_elf_identity *identity)
{
  const char *at = notes;
  Elf64_Nhdr note;
  if (alignment != 8)
    alignment = 4;
  while (size >= sizeof note)
  {
    memcpy(&note, at, sizeof note);
    /* Both sizes have 32 bits, so these sums do not overflow. */
    uint64_t contents =
        padded(sizeof note + (uint64_t) note.n_namesz, alignment);
    uint64_t end = contents + note.n_descsz;
    if (end > size)
      return false;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        memcmp(at + sizeof note, "GNU", 4) == 0 && note.n_descsz > 0 &&
        note.n_descsz <= DM_BUILD_ID_MAX)
    {
      memcpy(identity->build_id, at + contents, note.n_descsz);
      identity->build_id_length = (uint8_t) note.n_descsz;
      return true;
    }
    uint64_t next = padded(end, alignment);
    if (next >= size)
      return false;
    at += next;
    size -= next;
  }
  return false;
}

/* Whether SIZE bytes at ADDRESS can be read: a program may hide what the loader
   has mapped. */
static bool
can_read(uintptr_t address, size_t size)
{
  enum
  {
    PAGE = 4096
  };
  const uintptr_t end = address + size;
  for (uintptr_t at = address & -(uintptr_t) 8; at < end;
       at = (at | (PAGE - 1)) + 1)
    if (!dm_sys_can_read((const void *) at))
      return false;
  return true;
}

/* Whether the contents of NOTE should be there to be read: inside a readable
   segment's part that comes from the file. */
static bool
is_in_file(const Elf64_Phdr *note, const Elf64_Phdr *segments, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_R) &&
        note->p_vaddr >= segments[i].p_vaddr &&
        note->p_filesz <= segments[i].p_filesz &&
        note->p_vaddr - segments[i].p_vaddr <=
            segments[i].p_filesz - note->p_filesz)
      return true;
  return false;
}

void
dm_elf_identity_of_image(uintptr_t start, uintptr_t end, uintptr_t base,
                         struct dm_elf_identity *identity)
{
  memset(identity, 0, sizeof *identity);
  size_t size = end - start;
  if (!can_read(start, size < DM_ELF_HEAD_SIZE ? size : DM_ELF_HEAD_SIZE))
    return;
  const Elf64_Ehdr *header = dm_elf_header((const void *) start, size);
  if (!header)
    return;
  identity->headers = dm_elf_hash_headers(header, size);

  unsigned count;
  const Elf64_Phdr *segments = dm_elf_program_headers(header, size, &count);
  for (unsigned i = 0; segments && i < count; i++)
  {
    const Elf64_Phdr *note = &segments[i];
    uintptr_t address = base + note->p_vaddr;
    if (note->p_type == PT_NOTE && is_in_file(note, segments, count) &&
        address >= start && address < end && note->p_filesz <= end - address &&
        can_read(address, note->p_filesz) &&
        dm_elf_note_build_id((const void *) address, note->p_filesz,
                             note->p_align, identity))
      return;
  }
}
