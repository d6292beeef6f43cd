/* elf_symbols.c -- addresses of an ELF file -> functions.

   One pass over the section headers finds the section of each address, one
   pass over the symbols the best function for each. For an address there are
   two candidates: the best function whose [start, start + size) covers it; and
   the nearest one that starts at or before it, which counts only when it has
   no size, as labels in assembly have none: such a one goes on to the next
   symbol of its section. */

#include "dump/elf_symbols.h"

#include <errno.h>
#include <string.h>

#include "base/rare.h"
#include "base/sys.h"
#include "dump/symbols.h"

/* What kind of symbol is believed more. The address of an IFUNC is that of
   its resolver. */
enum kind
{
  NONE,
  LABEL,
  RESOLVER,
  FUNCTION
};

struct match
{
  uint64_t start, size;
  uint32_t name; /* place in the strings */
  uint8_t kind;
  uint8_t binding;
  uint8_t comparisons; /* of names, made so far */
};

struct candidate
{
  uint32_t section; /* its number; 0: in no code */
  struct match cover, nearest;
};

/* Names of one address that are compared with each other: where a linker has
   folded thousands of functions into one, any of them will do. For all COUNT
   addresses together it is fewer for each. */
enum
{
  COMPARISONS_MAX = 64,
  COMPARISONS_EACH = 16
};

/* Symbols that cover an address, on the average of all addresses. A file made
   by a linker stays far below. */
enum
{
  COVERS_EACH = 4096
};

struct search
{
  const struct dm_elf *elf;
  const struct dm_elf_table *table;
  const uint64_t *addresses;
  unsigned count;
  struct candidate *candidates;
  uint64_t covers, comparisons; /* that may yet be made */
};

enum
{
  NAME_SPACE = DM_SYMBOL_MAX + sizeof "..."
};

/* Static, as the window is. */
static DM_RARE char one_name[NAME_SPACE], other_name[NAME_SPACE];

/* Reads the name at OFFSET of the strings into NAME, of NAME_SPACE bytes,
   without its version (malloc@@GLIBC_2.2.5). A name that ends with the
   strings and not with a NUL is none. */
static bool
read_name(const struct search *search, uint64_t offset, char *name)
{
  const struct dm_elf_table *table = search->table;
  if (offset >= table->strings_size)
    return false;
  uint64_t size = table->strings_size - offset;
  if (size > DM_SYMBOL_MAX + 1)
    size = DM_SYMBOL_MAX + 1;
  if (dm_elf_read(search->elf, name, size, table->strings + offset) != 0)
    return false;
  char *end = memchr(name, '\0', size);
  if (!end && size <= DM_SYMBOL_MAX)
    return false;
  if (!end)
    memcpy(name + DM_SYMBOL_MAX - 3, "...", 4);
  char *version = strchr(name, '@');
  if (version && version != name)
    *version = '\0';
  return name[0] != '\0';
}

static size_t
leading_underscores(const char *name)
{
  return strspn(name, "_");
}

/* Global before local before weak. */
static int
binding_rank(const struct match *match)
{
  return match->binding == STB_GLOBAL ? 2 : match->binding == STB_LOCAL;
}

/* Whether A's name is the better one of two at the same address: that with
   fewer leading underscores (write, not __write), then by binding, then the
   shorter, then the first by alphabet, so that it is always the same one. */
static bool
has_better_name(const struct search *search, const struct match *a,
                const struct match *b)
{
  if (!read_name(search, a->name, one_name))
    return false;
  if (!read_name(search, b->name, other_name))
    return true;
  size_t one = leading_underscores(one_name);
  size_t other = leading_underscores(other_name);
  if (one != other)
    return one < other;
  if (binding_rank(a) != binding_rank(b))
    return binding_rank(a) > binding_rank(b);
  one = strlen(one_name);
  other = strlen(other_name);
  if (one != other)
    return one < other;
  return strcmp(one_name, other_name) < 0;
}

/* Puts NEW in the place of BEST when both start at the same address and NEW is
   better. */
static void
take_better(struct search *search, struct match *best, const struct match *new)
{
  unsigned comparisons = best->comparisons;
  if (new->kind != best->kind)
  {
    if (new->kind > best->kind)
      *best = *new;
    return;
  }
  if (comparisons == COMPARISONS_MAX || search->comparisons == 0)
    return;
  search->comparisons--;
  if (has_better_name(search, new, best))
    *best = *new;
  best->comparisons = (uint8_t) (comparisons + 1);
}

/* A function that covers an address wins over a label that does; then the
   innermost. */
static void
consider_cover(struct search *search, struct match *best,
               const struct match *new)
{
  bool was_label = best->kind <= LABEL, is_label = new->kind <= LABEL;
  if (best->kind == NONE || (was_label && !is_label))
    *best = *new;
  else if (was_label != is_label || new->start < best->start)
    return;
  else if (new->start > best->start)
    *best = *new;
  else
    take_better(search, best, new);
}

/* The nearest start wins; at the same start one that has a size, for it says
   where it ends. */
static void
consider_nearest(struct search *search, struct match *best,
                 const struct match *new)
{
  if (best->kind == NONE || new->start > best->start)
    *best = *new;
  else if (new->start < best->start || best->size != 0)
    return;
  else if (new->size != 0)
    *best = *new;
  else
    take_better(search, best, new);
}

/* The index of the first address not below BOUND; COUNT if there is none. */
static unsigned
first_from(const struct search *search, uint64_t bound)
{
  unsigned low = 0, high = search->count;
  while (low < high)
  {
    unsigned middle = low + (high - low) / 2;
    if (search->addresses[middle] < bound)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Finds the section of code that each address lies in. */
static void
find_sections(const struct search *search)
{
  struct dm_elf_walk walk = {.elf = search->elf,
                             .offset = search->elf->sections,
                             .count = search->elf->section_count,
                             .entry = sizeof(Elf64_Shdr)};
  const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
  const Elf64_Shdr *section;
  for (uint32_t number = 0; (section = dm_elf_walk_next(&walk)); number++)
  {
    if (number == 0 || (section->sh_flags & code) != code)
      continue;
    /* By difference, so that no sum overflows. */
    for (unsigned i = first_from(search, section->sh_addr);
         i < search->count &&
         search->addresses[i] - section->sh_addr < section->sh_size;
         i++)
      search->candidates[i].section = number;
  }
}

static enum kind
kind_of(const Elf64_Sym *symbol)
{
  switch (ELF64_ST_TYPE(symbol->st_info))
  {
  case STT_FUNC:
    return FUNCTION;
  case STT_GNU_IFUNC:
    return RESOLVER;
  case STT_NOTYPE:
    return LABEL;
  default:
    return NONE;
  }
}

/* Offers SYMBOL to the addresses that it may be the function of. Returns false
   when too much has been covered. */
static bool
offer(struct search *search, const Elf64_Sym *symbol)
{
  struct match new = {.start = symbol->st_value,
                      .size = symbol->st_size,
                      .name = symbol->st_name,
                      .kind = kind_of(symbol),
                      .binding = ELF64_ST_BIND(symbol->st_info)};
  if (new.kind == NONE || symbol->st_shndx == SHN_UNDEF ||
      symbol->st_shndx >= SHN_LORESERVE)
    return true;
  unsigned i = first_from(search, new.start);
  if (i == search->count)
    return true;
  if (search->candidates[i].section == symbol->st_shndx)
    consider_nearest(search, &search->candidates[i].nearest, &new);
  for (; i < search->count && search->addresses[i] - new.start < new.size; i++)
  {
    if (search->covers-- == 0)
      return false;
    if (search->candidates[i].section == symbol->st_shndx)
      consider_cover(search, &search->candidates[i].cover, &new);
  }
  return true;
}

/* Until now an address knows only those starts that no other address lies
   behind; passes them on to the addresses above. */
static void
spread_nearest(const struct search *search)
{
  for (unsigned i = 1; i < search->count; i++)
  {
    struct candidate *here = &search->candidates[i];
    const struct candidate *before = here - 1;
    if (here->section == before->section && here->nearest.kind == NONE)
      here->nearest = before->nearest;
  }
}

static bool
find_functions(struct search *search)
{
  struct dm_elf_walk walk = {.elf = search->elf,
                             .offset = search->table->symbols,
                             .count = search->table->count,
                             .entry = sizeof(Elf64_Sym)};
  const Elf64_Sym *symbol;
  while ((symbol = dm_elf_walk_next(&walk)))
    if (!offer(search, symbol))
      return false;
  spread_nearest(search);
  return walk.next == walk.count;
}

/* Reads the names of what was found and gives them to the caller. */
static int
deliver(const struct search *search,
        void (*found)(void *arg, unsigned index, const char *name,
                      uint64_t start),
        void *arg)
{
  int delivered = 0;
  const struct match *last = NULL;
  for (unsigned i = 0; i < search->count; i++)
  {
    const struct candidate *candidate = &search->candidates[i];
    const struct match *match = &candidate->cover;
    if (match->kind == NONE)
      match = &candidate->nearest;
    if (match->kind == NONE || (match != &candidate->cover && match->size))
      continue;
    /* Neighbours are often in the same function: its name is there still. */
    if ((!last || last->name != match->name) &&
        !read_name(search, match->name, one_name))
    {
      last = NULL;
      continue;
    }
    last = match;
    found(arg, i, one_name, match->start);
    delivered++;
  }
  return delivered;
}

int
dm_elf_find(const struct dm_elf *elf, const struct dm_elf_table *table,
            const uint64_t *addresses, unsigned count,
            void (*found)(void *arg, unsigned index, const char *name,
                          uint64_t start),
            void *arg)
{
  if (table->count == 0)
    return -ENODATA;
  if (count == 0)
    return 0;
  const uint64_t least = 64; /* addresses, for the sake of a few */
  size_t size = count * sizeof(struct candidate);
  struct search search = {.elf = elf,
                          .table = table,
                          .addresses = addresses,
                          .count = count,
                          .candidates = dm_sys_map(size),
                          .covers = COVERS_EACH * (least + count),
                          .comparisons = COMPARISONS_EACH * (least + count)};
  if (!search.candidates)
    return -ENOMEM;
  find_sections(&search);
  int result =
      find_functions(&search) ? deliver(&search, found, arg) : -ENOEXEC;
  dm_sys_unmap(search.candidates, size);
  return result;
}

int
dm_symbols_read(int fd, const uint8_t *build_id, unsigned length,
                const uint64_t *addresses, unsigned count,
                void (*found)(void *arg, unsigned index, const char *name,
                              uint64_t start),
                void *arg)
{
  struct dm_elf elf;
  int error = dm_elf_open(&elf, fd);
  if (error)
    return error;
  if (length != 0 && (elf.identity.build_id_length != length ||
                      memcmp(elf.identity.build_id, build_id, length) != 0))
    return -ESTALE;
  return dm_elf_find(&elf, elf.symtab.count ? &elf.symtab : &elf.dynsym,
                     addresses, count, found, arg);
}
