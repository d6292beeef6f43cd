/* modules.c -- what is loaded: the program, its libraries, and those that went.

   The table is an array of pointers. A new module is written whole into memory
   of its own and then takes the first free number by one compare-and-swap; who
   loses that race looks whether the winner was the same module, and otherwise
   tries the next number. Nobody waits, so a signal handler may interrupt a
   registration and make its own.

   A small cache from start address to number serves the common case. It is
   only a hint: what it says is compared, and what it lacks is searched. */

#include "books/modules.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/arena.h"
#include "base/rare.h"
#include "base/sys.h"

uintptr_t dm_loader_start, dm_loader_end;

static DM_RARE _Atomic(struct dm_module *) modules[DM_MODULES_MAX + 1];
static _Atomic unsigned used;

enum
{
  PLACES = 1024,
  PROBES = 4
};
static DM_RARE _Atomic uint16_t places[PLACES];

/* What the loader does not say: read once, for the way of an allocation must
   make no such system calls later, when the program may be in a sandbox. */
struct surroundings
{
  const char *program;   /* its path */
  const char *directory; /* at the start, with a slash at the end */
};

static _Atomic(struct surroundings *) surroundings;

/* A module as the loader shows it now. */
struct sighting
{
  uintptr_t start, end, base;
  const void *link_map, *eh_frame_header;
  bool is_program;
  const char *directory; /* to put before NAME, or "" */
  const char *name;
  struct dm_elf_identity identity;
};

static char *
join(const char *first, const char *second)
{
  size_t length = strlen(first), more = strlen(second);
  char *joined = dm_arena_alloc(length + more + 1, 1);
  if (!joined)
    return NULL;
  memcpy(joined, first, length);
  memcpy(joined + length, second, more + 1);
  return joined;
}

/* Reads the surroundings into memory that lasts. */
static struct surroundings *
read_surroundings(void)
{
  /* Not on the stack, which may be a small one. */
  char *buffer = dm_arena_alloc(PATH_MAX, 1);
  struct surroundings *found =
      dm_arena_alloc(sizeof *found, _Alignof(struct surroundings));
  if (!buffer || !found)
    return NULL;
  if (dm_sys_readlink("/proc/self/exe", buffer, PATH_MAX) > 0)
    found->program = join(buffer, "");
  else
    found->program = (const char *) getauxval(AT_EXECFN);
  /* A directory that cannot be reached has no path from the root. */
  if (dm_sys_readlink("/proc/self/cwd", buffer, PATH_MAX) <= 0 ||
      buffer[0] != '/')
    buffer[0] = '\0';
  if (strcmp(buffer, "/") == 0)
    found->directory = "/";
  else
    found->directory = join(buffer, buffer[0] ? "/" : "");
  return found->program && found->directory ? found : NULL;
}

/* The loader's range. AT_BASE is 0 when the loader itself was started as the
   program; the headers that the kernel tells of are then the loader's. */
static void
find_loader(void)
{
  struct dl_find_object found;
  uintptr_t address = getauxval(AT_BASE);
  if (address == 0)
    address = getauxval(AT_PHDR);
  if (_dl_find_object((void *) address, &found) != 0)
    return;
  /* Several threads may be the first; all of them write the same. */
  __atomic_store_n(&dm_loader_start, (uintptr_t) found.dlfo_map_start,
                   __ATOMIC_RELAXED);
  __atomic_store_n(&dm_loader_end, (uintptr_t) found.dlfo_map_end,
                   __ATOMIC_RELAXED);
}

static const struct surroundings *
look_around(void)
{
  /* Acquire: pairs with the exchange below. */
  struct surroundings *known =
      atomic_load_explicit(&surroundings, memory_order_acquire);
  if (known)
    return known;
  find_loader();
  struct surroundings *fresh = read_surroundings();
  if (!fresh || atomic_compare_exchange_strong(&surroundings, &known, fresh))
    return fresh;
  return known;
}

/* Names MODULE as its path will read: the program by its own path, a relative
   one from the directory of the start. The loader's "linux-vdso.so.1" is no
   path and stays. */
static void
name_module(struct sighting *seen, const struct surroundings *around,
            const char *name)
{
  seen->directory = "";
  seen->name = name;
  seen->is_program = name[0] == '\0';
  if (seen->is_program)
    seen->name = around->program;
  else if (name[0] != '/' && strchr(name, '/'))
  {
    seen->directory = around->directory;
    if (name[0] == '.' && name[1] == '/')
      seen->name += 2;
  }
}

static bool
see(struct sighting *seen, const struct dl_find_object *object)
{
  const struct surroundings *around = look_around();
  if (!around)
    return false;
  seen->start = (uintptr_t) object->dlfo_map_start;
  seen->end = (uintptr_t) object->dlfo_map_end;
  seen->base = object->dlfo_link_map->l_addr;
  seen->link_map = object->dlfo_link_map;
  seen->eh_frame_header = object->dlfo_eh_frame;
  name_module(seen, around, object->dlfo_link_map->l_name);
  dm_elf_identity_of_image(seen->start, seen->end, seen->base, &seen->identity);
  return true;
}

/* Whether MODULE is what was seen: another time of the same file at the same
   place. */
static bool
is_same(const struct dm_module *module, const struct sighting *seen)
{
  size_t length = strlen(seen->directory);
  return module->start == seen->start && module->end == seen->end &&
         module->base == seen->base &&
         module->eh_frame_header == seen->eh_frame_header &&
         module->is_program == seen->is_program &&
         strncmp(module->path, seen->directory, length) == 0 &&
         strcmp(module->path + length, seen->name) == 0 &&
         dm_elf_identity_equal(&module->identity, &seen->identity);
}

static struct dm_module *
new_module(const struct sighting *seen)
{
  struct dm_module *module =
      dm_arena_alloc(sizeof *module, _Alignof(struct dm_module));
  const char *path = join(seen->directory, seen->name);
  if (!module || !path)
    return NULL;
  module->start = seen->start;
  module->end = seen->end;
  module->base = seen->base;
  module->path = path;
  module->is_program = seen->is_program;
  module->identity = seen->identity;
  module->eh_frame_header = seen->eh_frame_header;
  atomic_init(&module->link_map, seen->link_map);
  atomic_init(&module->loaded, true);
  return module;
}

/* Whether MODULE is what the loader has found, as far as can be told without
   reading the module. A library that is gone and whose place, handle and shape
   another one took would pass; dm_modules_recheck, called in the dlclose
   between the two, has then marked it as not loaded. */
static bool
still_is(const struct dm_module *module, const struct dl_find_object *object)
{
  /* Acquire: pairs with the release in revive. */
  return module->start == (uintptr_t) object->dlfo_map_start &&
         atomic_load_explicit(&module->loaded, memory_order_acquire) &&
         module->end == (uintptr_t) object->dlfo_map_end &&
         atomic_load_explicit(&module->link_map, memory_order_relaxed) ==
             object->dlfo_link_map &&
         module->eh_frame_header == object->dlfo_eh_frame;
}

/* Acquire: pairs with the exchange in settle. */
static struct dm_module *
at(unsigned number)
{
  return atomic_load_explicit(&modules[number], memory_order_acquire);
}

static _Atomic uint16_t *
place(const void *start, unsigned probe)
{
  uint64_t hash = ((uintptr_t) start >> 12) * UINT64_C(0x9e3779b97f4a7c15);
  return &places[((hash >> 32) + probe) % PLACES];
}

static unsigned
recall(const struct dl_find_object *object)
{
  for (unsigned probe = 0; probe < PROBES; probe++)
  {
    /* Relaxed: the number is a hint, and at() orders what it leads to. */
    unsigned number = atomic_load_explicit(place(object->dlfo_map_start, probe),
                                           memory_order_relaxed);
    if (number == 0)
      return 0;
    if (still_is(at(number), object))
      return number;
  }
  return 0;
}

static void
remember(const struct dl_find_object *object, unsigned number)
{
  for (unsigned probe = 0; probe < PROBES; probe++)
  {
    _Atomic uint16_t *here = place(object->dlfo_map_start, probe);
    uint16_t there = 0;
    if (atomic_compare_exchange_strong(here, &there, (uint16_t) number) ||
        there == number)
      return;
  }
  atomic_store(place(object->dlfo_map_start, 0), (uint16_t) number);
}

/* Gives what was seen the first free number that is not already its own.
   Returns that number, or 0 when there is no room. */
static unsigned
settle(const struct sighting *seen)
{
  struct dm_module *fresh = NULL;
  for (unsigned number = 1; number <= DM_MODULES_MAX; number++)
  {
    struct dm_module *module = at(number);
    if (!module && !fresh)
      fresh = new_module(seen);
    if (!module && !fresh)
      return 0;
    /* Release: pairs with the acquire in at(). A lost race leaves the
       winner in MODULE. */
    if (!module &&
        atomic_compare_exchange_strong(&modules[number], &module, fresh))
      module = fresh;
    if (module == fresh || is_same(module, seen))
      return number;
  }
  return 0;
}

/* Says that module NUMBER is loaded, which it may not have been. */
static void
revive(unsigned number, const struct sighting *seen)
{
  struct dm_module *module = at(number);
  atomic_store_explicit(&module->link_map, seen->link_map,
                        memory_order_relaxed);
  /* Release: who sees it loaded sees the new handle. */
  atomic_store_explicit(&module->loaded, true, memory_order_release);

  unsigned count = atomic_load(&used);
  while (count < number && !atomic_compare_exchange_weak(&used, &count, number))
    continue;
}

/* The slow half of dm_modules_find: a module new or come back. */
static __attribute__((noinline)) unsigned
learn(const struct dl_find_object *object)
{
  struct sighting seen;
  if (!see(&seen, object))
    return 0;
  unsigned number = settle(&seen);
  if (number == 0)
    return 0;
  revive(number, &seen);
  remember(object, number);
  return number;
}

unsigned
dm_modules_find(uintptr_t address)
{
  struct dl_find_object object;
  if (_dl_find_object((void *) address, &object) != 0)
    return 0;
  unsigned number = recall(&object);
  return number != 0 ? number : learn(&object);
}

const struct dm_module *
dm_module(unsigned number)
{
  return number <= DM_MODULES_MAX ? at(number) : NULL;
}

unsigned
dm_modules_count(void)
{
  return atomic_load_explicit(&used, memory_order_acquire);
}

void
dm_modules_recheck(void (*gone)(unsigned number))
{
  unsigned count = dm_modules_count();
  for (unsigned number = 1; number <= count; number++)
  {
    struct dm_module *module = at(number);
    struct dl_find_object object;
    if (!atomic_load_explicit(&module->loaded, memory_order_relaxed))
      continue;
    if (_dl_find_object((void *) module->start, &object) == 0 &&
        still_is(module, &object))
      continue;
    /* One of the threads that see it gone says so. */
    if (atomic_exchange(&module->loaded, false))
      gone(number);
  }
}
