/* modules.h -- what is loaded: the program, its libraries, and those that went.

   A callsite outlives the library that it points into: dlopen, leak, dlclose,
   and the dump must still give the right name. So the first time a return
   address is seen in a module, its path, build id and place are copied into
   this table, and the callsite keeps the module's number beside the address.
   Another library that is later loaded at the same place gets another number;
   the same one coming back to its place gets its old number again.

   Append-only; numbers are small and never reused. 0 means "no module": code
   that no file holds, such as a JIT's. */

#ifndef DM_BOOKS_MODULES_H
#define DM_BOOKS_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hidden.h"
#include "books/elf_identity.h"

enum
{
  DM_MODULES_MAX = 4095
};

struct dm_module
{
  uintptr_t start, end;            /* the addresses that it was mapped to */
  uintptr_t base;                  /* what was added to the file's addresses */
  const char *path;                /* as the loader knows it, made absolute with
                                      the directory of the start; the program's
                                      own path for the program */
  bool is_program;                 /* and not a library */
  struct dm_elf_identity identity; /* its build id */
  _Atomic(const void *) link_map;  /* the loader's handle, while loaded; only
                                      to be compared, it may be gone */
  const void *eh_frame_header; /* the table of unwind information, or NULL */
  _Atomic bool loaded;
};

/* The number of the module that ADDRESS lies in now, or 0. Asks the loader
   without its lock (_dl_find_object) and copies what is new. ADDRESS must be
   one that cannot be unloaded meanwhile, such as a return address of a running
   function. Thread-safe, Signal-safe; for cold paths, about 50 ns for a known
   module. */
unsigned dm_modules_find(uintptr_t address);

/* Module NUMBER, 1 to dm_modules_count(). Lives for ever. */
const struct dm_module *dm_module(unsigned number);
unsigned dm_modules_count(void);

/* Looks which modules are gone and marks them. Calls GONE for each one newly
   found gone. Called when the loader frees memory of its own, which it does at
   the end of dlclose. Reads no module's memory, for another thread may be
   unloading it just then. GONE may be called late, when the same module is
   already back: what it forgets must be such as can be learned again.
   Thread-safe, Signal-safe. */
void dm_modules_recheck(void (*gone)(unsigned number));

/* The address range of the loader itself: a free that comes from there may be
   the end of a dlclose. Set by the first dm_modules_find of init.c. */
extern DM_HIDDEN uintptr_t dm_loader_start, dm_loader_end;

static inline bool
dm_is_loader(uintptr_t address)
{
  return address - dm_loader_start < dm_loader_end - dm_loader_start;
}

#endif
