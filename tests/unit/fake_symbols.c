/* fake_symbols.c -- symbols that a test makes up. */

#include "dump/symbols.h"

#include <string.h>

#include "fake_books.h"

static struct
{
  dm_frame frame;
  const char *name;
  uint64_t offset;
  bool wanted, resolved;
} symbols[64];
static unsigned count;

void fake_symbols_reset(void);

void
fake_symbols_reset(void)
{
  memset(symbols, 0, sizeof symbols);
  count = 0;
}

void
fake_symbol(dm_frame frame, const char *name, uint64_t offset)
{
  symbols[count].frame = frame;
  symbols[count].name = name;
  symbols[count++].offset = offset;
}

void
dm_symbols_want(dm_frame frame)
{
  for (unsigned i = 0; i < count; i++)
    if (symbols[i].frame == frame)
      symbols[i].wanted = true;
}

void
dm_symbols_resolve(void)
{
  for (unsigned i = 0; i < count; i++)
    symbols[i].resolved = symbols[i].wanted;
}

bool
dm_symbols_find(dm_frame frame, struct dm_symbol *symbol)
{
  for (unsigned i = 0; i < count; i++)
    if (symbols[i].frame == frame && symbols[i].resolved)
    {
      symbol->name = symbols[i].name;
      symbol->offset = symbols[i].offset;
      return true;
    }
  return false;
}
