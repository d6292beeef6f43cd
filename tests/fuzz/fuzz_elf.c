/* fuzz_elf.c -- any bytes as the file of a module: its headers, its symbols,
   its build id. No read outside of anything, and an end in bounded time. */

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dump/elf_symbols.h"
#include "dump/symbols.h"

static void
found(void *arg, unsigned index, const char *name, uint64_t start)
{
  (void) start;
  if (index >= *(unsigned *) arg || strlen(name) > DM_SYMBOL_MAX)
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static int file = -1;
  uint64_t addresses[40];
  unsigned count = sizeof addresses / sizeof *addresses;
  for (unsigned i = 0; i < count; i++)
    addresses[i] = i < 32 ? 0x1000 + i * 0x40 : UINT64_MAX - (count - i) * 3;
  if (file < 0)
    file = memfd_create("module", 0);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t) size)
    abort();

  struct dm_elf elf;
  if (dm_elf_open(&elf, file) == 0)
    {
      dm_elf_find(&elf, &elf.symtab, addresses, count, found, &count);
      dm_elf_find(&elf, &elf.dynsym, addresses, count, found, &count);
    }
  dm_symbols_read(file, elf.identity.build_id, elf.identity.build_id_length, addresses, count,
                  found, &count);

  /* The same bytes as the notes of a module in memory. */
  struct dm_elf_identity identity = { .build_id_length = 0 };
  uint8_t *copy = malloc(size + 1);
  memcpy(copy, data, size);
  for (size_t alignment = 0; alignment <= 8; alignment += 4)
    {
      dm_elf_note_build_id(copy, size, alignment, &identity);
      if (identity.build_id_length > DM_BUILD_ID_MAX)
        abort();
    }
  free(copy);
  return 0;
}
