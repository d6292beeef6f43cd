/* fake_books.c -- callsites and modules that a test makes up. */

#include "fake_books.h"

#include <string.h>

#include "books/ages.h"
#include "books/modules.h"

static struct dm_module modules[DM_MODULES_MAX + 1];
static unsigned modules_count;

static struct
{
  const dm_frame *frames;
  unsigned count;
} callsites[1024];
static uint32_t callsites_count;

void fake_symbols_reset(void);

void
fake_books_reset(void)
{
  memset(modules, 0, sizeof modules);
  modules_count = callsites_count = 0;
  fake_symbols_reset();
}

unsigned
fake_module(const char *path, uintptr_t base, unsigned build_id_length)
{
  struct dm_module *module = &modules[++modules_count];
  module->path = path;
  module->base = base;
  module->identity.build_id_length = (uint8_t) build_id_length;
  for (unsigned i = 0; i < build_id_length; i++)
    module->identity.build_id[i] = (uint8_t) (0x9f + i);
  return modules_count;
}

dm_frame
fake_frame(unsigned module, uintptr_t offset)
{
  return (dm_frame) module << DM_FRAME_MODULE_SHIFT |
         (modules[module].base + offset);
}

uint32_t
fake_callsite(const dm_frame *frames, unsigned count)
{
  callsites[++callsites_count].frames = frames;
  callsites[callsites_count].count = count;
  return callsites_count;
}

const dm_frame *
dm_callsite_frames(uint32_t number, unsigned *count)
{
  *count = callsites[number].count;
  return callsites[number].frames;
}

const struct dm_module *
dm_module(unsigned number)
{
  return &modules[number];
}

unsigned
dm_modules_count(void)
{
  return modules_count;
}

uint32_t
dm_age_row_start(unsigned row)
{
  static const uint32_t starts[DM_AGE_ROWS] = {0, 1, 10, 100, 1000};
  return starts[row];
}
