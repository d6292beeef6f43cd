/* symbols.h -- address -> function, from the modules' own symbol tables.

   Names are read from the files (.symtab, else .dynsym), at dump time, with
   pread into a small buffer: a file that is cut short, replaced or malformed
   while we read gives no name, never a fault. A file whose build id is not
   that of the loaded module is not believed.

   A look-up reads a module's whole table once for all the addresses that are
   wanted from it, so first say what is wanted (dm_symbols_want for every
   frame), then dm_symbols_resolve, then ask. What was found is cached for the
   next dump; the cache is bounded and starts anew when it is full. Frames
   wanted beyond its room stay without a name in that dump.

   Where a file has only .dynsym, the distribution's debug file of that build
   id in /usr/lib/debug is looked for first. The vDSO has no file and no names.

   Used by one thread at a time (the dump's); Signal-safe; never allocates
   from the program's heap. */

#ifndef DM_DUMP_SYMBOLS_H
#define DM_DUMP_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "books/callsites.h"

enum
{
  DM_SYMBOL_MAX = 1024
};

struct dm_symbol
{
  const char *name; /* as in the file, so C++ names are mangled;
                       at most DM_SYMBOL_MAX bytes, the rest cut
                       with "..."; without a version; valid until
                       the next dm_symbols_want */
  uint64_t offset;  /* of dm_frame_address() from its start, in
                       bytes */
};

/* Notes that FRAME will be asked for. */
void dm_symbols_want(dm_frame frame);

/* Reads the tables of the modules of all frames wanted and not known yet. */
void dm_symbols_resolve(void);

/* The function of FRAME. Returns false when it is not known. */
bool dm_symbols_find(dm_frame frame, struct dm_symbol *symbol);

/* Forgets every name. For a child after fork, whose copy of the cache may have
   been in the middle of a dump. */
void dm_symbols_forget(void);

/* Reads the symbol table of the ELF file open at FD and calls FOUND for each
   of COUNT ADDRESSES (of the file, ascending) that a function covers, with the
   function's name and start; the name lives until FOUND returns. BUILD_ID, of
   LENGTH bytes, must be the file's own unless LENGTH is 0. Returns how many
   were found, or a negative errno: -ESTALE for another build id, -ENODATA for
   a file without symbols, -ENOEXEC for one that is not what it should be. The
   part of this module that is tested on malformed files. */
int dm_symbols_read(int fd, const uint8_t *build_id, unsigned length,
                    const uint64_t *addresses, unsigned count,
                    void (*found)(void *arg, unsigned index, const char *name,
                                  uint64_t start),
                    void *arg);

#endif
