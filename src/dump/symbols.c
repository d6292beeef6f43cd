/* symbols.c -- address -> function, with a cache.

   The cache holds a frame, the start of its function and its name, or that it
   has none. What is wanted is appended without a name; dm_symbols_resolve
   sorts what was appended by module and address and reads each module's table
   once. It is mapped at the first want, and its pages cost nothing until they
   are used. */

#include "dump/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/sys.h"
#include "books/modules.h"
#include "dump/elf_symbols.h"

enum
{
  ENTRIES = 16384,
  PLACES = 2 * ENTRIES,
  NAMES_SIZE = 2 << 20
};

struct entry
{
  dm_frame frame;
  uint64_t start; /* of the function, as an address of the file */
  uint32_t name;  /* in NAMES; 0: it has none */
};

struct cache
{
  uint32_t count;    /* entries used */
  uint32_t resolved; /* of these, looked up */
  uint32_t names_used;
  bool wanting; /* between a want and its resolve */
  bool stale;   /* something did not fit, or failed for now only: starts
                   anew at the next want */
  uint16_t places[PLACES]; /* by hash, open addressing: an entry's number
                              plus 1; 0: empty */
  struct entry entries[ENTRIES];
  char names[NAMES_SIZE];
};

static struct cache *cache;

/* One look-up that is still to be made. */
struct want
{
  unsigned module;
  uint32_t entry;
  uint64_t address; /* of the process */
};

/* What is being read: the scratch memory of one dm_symbols_resolve. */
struct batch
{
  struct want wants[ENTRIES];  /* sorted by module, then address */
  uint64_t addresses[ENTRIES]; /* those of one module, of its file */
  const struct want *first;    /* the want of addresses[0] */
};

void
dm_symbols_forget(void)
{
  if (!cache)
    return;
  /* The index first: it must never lead to an entry that is not there. */
  memset(cache->places, 0, sizeof cache->places);
  cache->count = 0;
  cache->resolved = 0;
  cache->names_used = 1;
  cache->wanting = false;
  cache->stale = false;
}

static bool
start_batch(void)
{
  if (!cache)
  {
    cache = dm_sys_map(sizeof *cache);
    if (!cache)
      return false;
    cache->names_used = 1;
  }
  if (cache->stale && !cache->wanting)
    dm_symbols_forget();
  cache->wanting = true;
  return true;
}

/* The place of FRAME, or the empty one where it belongs. There is always an
   empty one, for half of them are. */
static uint16_t *
place_of(dm_frame frame)
{
  uint64_t hash = frame * UINT64_C(0x9e3779b97f4a7c15) >> 40;
  for (unsigned tries = 0;; tries++)
  {
    uint16_t *place = &cache->places[(hash + tries) % PLACES];
    if (*place == 0 || cache->entries[*place - 1].frame == frame ||
        tries == PLACES)
      return place;
  }
}

void
dm_symbols_want(dm_frame frame)
{
  if (dm_frame_module(frame) == 0 || !start_batch())
    return;
  uint16_t *place = place_of(frame);
  if (*place != 0)
    return;
  if (cache->count == ENTRIES)
  {
    cache->stale = true;
    return;
  }
  cache->entries[cache->count] = (struct entry){.frame = frame};
  *place = (uint16_t) ++cache->count;
}

bool
dm_symbols_find(dm_frame frame, struct dm_symbol *symbol)
{
  if (!cache || dm_frame_module(frame) == 0)
    return false;
  uint16_t place = *place_of(frame);
  if (place == 0 || cache->entries[place - 1].name == 0)
    return false;
  const struct entry *entry = &cache->entries[place - 1];
  const struct dm_module *module = dm_module(dm_frame_module(frame));
  symbol->name = &cache->names[entry->name];
  symbol->offset = dm_frame_address(frame) - module->base - entry->start;
  return true;
}

static bool
is_before(const struct want *a, const struct want *b)
{
  return a->module != b->module ? a->module < b->module
                                : a->address < b->address;
}

/* Moves wants[ROOT] down to where the heap of COUNT wants is one again. */
static void
sift(struct want *wants, unsigned root, unsigned count)
{
  struct want moved = wants[root];
  unsigned child;
  while ((child = 2 * root + 1) < count)
  {
    if (child + 1 < count && is_before(&wants[child], &wants[child + 1]))
      child++;
    if (!is_before(&moved, &wants[child]))
      break;
    wants[root] = wants[child];
    root = child;
  }
  wants[root] = moved;
}

/* Heapsort (J. W. J. Williams, 1964): libc's qsort may allocate. */
static void
sort(struct want *wants, unsigned count)
{
  for (unsigned root = count / 2; root-- > 0;)
    sift(wants, root, count);
  while (count > 1)
  {
    struct want largest = wants[0];
    wants[0] = wants[--count];
    wants[count] = largest;
    sift(wants, 0, count);
  }
}

/* Copies NAME into the cache. Returns its place, or 0 when there is no room. */
static uint32_t
keep_name(const char *name)
{
  size_t size = strlen(name) + 1;
  if (size > NAMES_SIZE - cache->names_used)
  {
    cache->stale = true;
    return 0;
  }
  uint32_t place = cache->names_used;
  memcpy(&cache->names[place], name, size);
  cache->names_used += (uint32_t) size;
  return place;
}

/* Notes what was found for one address; called in ascending order. */
static void
note(void *arg, unsigned index, const char *name, uint64_t start)
{
  const struct batch *batch = arg;
  const struct want *want = &batch->first[index];
  struct entry *entry = &cache->entries[want->entry];
  entry->start = start;
  /* The neighbour is often in the same function and has its name already. */
  if (index > 0)
  {
    const struct entry *before = &cache->entries[want[-1].entry];
    if (before->name != 0 && before->start == start)
    {
      entry->name = before->name;
      return;
    }
  }
  entry->name = keep_name(name);
}

/* Opens PATH as ELF. Returns true if it is the file of IDENTITY; ELF must then
   be closed. */
static bool
open_if(const char *path, const struct dm_elf_identity *identity,
        struct dm_elf *elf)
{
  /* Not to wait for a writer where somebody made a pipe of that name. */
  int fd = dm_sys_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
  if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
    cache->stale = true;
  if (fd < 0)
    return false;
  if (dm_elf_open(elf, fd) == 0 &&
      dm_elf_identity_equal(&elf->identity, identity))
    return true;
  dm_elf_close(elf);
  return false;
}

/* The file of MODULE. The kernel still has the program's when its path leads
   to another one or nowhere. */
static bool
open_file(const struct dm_module *module, struct dm_elf *elf)
{
  return (module->path[0] == '/' &&
          open_if(module->path, &module->identity, elf)) ||
         (module->is_program &&
          open_if("/proc/self/exe", &module->identity, elf));
}

/* The separate file of debug information that belongs to MODULE, where
   distributions put it. */
static bool
open_debug_file(const struct dm_module *module, struct dm_elf *elf)
{
  static const char digits[] = "0123456789abcdef";
  char path[sizeof "/usr/lib/debug/.build-id/" + 2 * DM_BUILD_ID_MAX +
            sizeof "/.debug"] = "/usr/lib/debug/.build-id/";
  const struct dm_elf_identity *identity = &module->identity;
  char *at = path + strlen(path);
  if (identity->build_id_length < 2)
    return false;
  for (unsigned i = 0; i < identity->build_id_length; i++)
  {
    *at++ = digits[identity->build_id[i] >> 4];
    *at++ = digits[identity->build_id[i] & 15];
    if (i == 0)
      *at++ = '/';
  }
  memcpy(at, ".debug", sizeof ".debug");
  return open_if(path, identity, elf);
}

/* Reads the names of COUNT addresses of the batch from TABLE of ELF. */
static void
read_table(const struct dm_elf *elf, const struct dm_elf_table *table,
           struct batch *batch, unsigned count)
{
  if (dm_elf_find(elf, table, batch->addresses, count, note, batch) == -ENOMEM)
    cache->stale = true;
}

/* Reads the names of COUNT addresses of MODULE from the best table there is:
   .symtab of its own file, that of its debug file, .dynsym. */
static void
read_module(const struct dm_module *module, struct batch *batch, unsigned count)
{
  struct dm_elf elf, debug;
  bool has_file = open_file(module, &elf);
  bool has_symtab = has_file && elf.symtab.count != 0;
  bool has_debug = !has_symtab && open_debug_file(module, &debug);

  if (has_symtab)
    read_table(&elf, &elf.symtab, batch, count);
  else if (has_debug && debug.symtab.count != 0)
    read_table(&debug, &debug.symtab, batch, count);
  else if (has_file)
    read_table(&elf, &elf.dynsym, batch, count);

  if (has_file)
    dm_elf_close(&elf);
  if (has_debug)
    dm_elf_close(&debug);
}

/* Reads the names of the wants from FIRST on that are of the same module, LAST
   being behind the last of all. Returns the first want of the next module. */
static const struct want *
read_next_module(struct batch *batch, const struct want *first,
                 const struct want *last)
{
  const struct dm_module *module = dm_module(first->module);
  const struct want *want = first;
  unsigned count = 0;
  for (; want < last && want->module == first->module; want++)
    if (module)
      batch->addresses[count++] = want->address - module->base;
  batch->first = first;
  if (module)
    read_module(module, batch, count);
  return want;
}

void
dm_symbols_resolve(void)
{
  if (!cache || !cache->wanting)
    return;
  cache->wanting = false;
  unsigned count = 0;
  struct batch *batch = NULL;
  if (cache->resolved < cache->count)
    batch = dm_sys_map(sizeof *batch);
  if (!batch)
    return;
  for (uint32_t i = cache->resolved; i < cache->count; i++)
  {
    dm_frame frame = cache->entries[i].frame;
    batch->wants[count++] = (struct want){.module = dm_frame_module(frame),
                                          .entry = i,
                                          .address = dm_frame_pc(frame)};
  }
  cache->resolved = cache->count;
  sort(batch->wants, count);
  const struct want *want = batch->wants;
  while (want < batch->wants + count)
    want = read_next_module(batch, want, batch->wants + count);
  dm_sys_unmap(batch, sizeof *batch);
}
