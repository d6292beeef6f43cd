/* unwind_tables.c -- where libunwind finds a module's unwind information. */

#include "hook/unwind_tables.h"

#include <dlfcn.h>
#include <stddef.h>

/* .eh_frame_hdr as every linker writes it (Linux Standard Base, Core,
   "Exception Frames"): pointers of 4 bytes, relative to this header. */
struct frame_header
{
  uint8_t version;
  uint8_t pointer_encoding, count_encoding, table_encoding;
  int32_t eh_frame;
  uint32_t count;
  struct entry
  {
    int32_t start, description;
  } table[];
};
enum
{
  VERSION = 1,
  UDATA4 = 0x03,
  DATAREL_SDATA4 = 0x3b
};

/* The last entry that starts at OFFSET or before it, or NULL. */
static const struct entry *
search_entry(const struct frame_header *header, int64_t offset)
{
  size_t low = 0, high = header->count;
  if (high == 0 || offset < header->table[0].start)
    return NULL;
  while (high - low > 1)
  {
    size_t middle = low + (high - low) / 2;
    if (header->table[middle].start <= offset)
      low = middle;
    else
      high = middle;
  }
  return &header->table[low];
}

bool
dm_unwind_table_find(unw_word_t ip, unw_dyn_info_t *table)
{
  struct dl_find_object module;
  if (_dl_find_object((void *) ip, &module) != 0 || !module.dlfo_eh_frame)
    return false;
  const struct frame_header *header = module.dlfo_eh_frame;
  if (header->version != VERSION || header->count_encoding != UDATA4 ||
      header->table_encoding != DATAREL_SDATA4)
    return false;
  const struct entry *entry =
      search_entry(header, (int64_t) (ip - (uintptr_t) header));
  if (!entry)
    return false;

  *table = (unw_dyn_info_t){
      .format = UNW_INFO_FORMAT_REMOTE_TABLE,
      .start_ip = (uintptr_t) module.dlfo_map_start,
      .end_ip = (uintptr_t) module.dlfo_map_end,
      .u.rti = {.segbase = (uintptr_t) header,
                .table_data = (uintptr_t) entry,
                .table_len = sizeof *entry / sizeof(unw_word_t)},
  };
  return true;
}
