/* stamp.h -- the 16 bytes that dmalloc keeps in the tail of each block.

   The stamp lies at the very end of what the allocator calls the block's
   usable size, so the pointer stays the allocator's own: its alignment holds,
   and a block may cross the border between us and code that does not know us
   in either direction.

       | what the program asked for | slack [ size ] | fields | seal |
                                                                   ^ usable end

   FIELDS packs the slice of birth (31 bits), a flag for blocks that the loader
   asked for, the callsite's number (20) and the slack (12): the bytes between
   what was asked for and the stamp. A larger slack does not fit; then the size
   stands in a word of its own before the fields, and there is room for it,
   since the slack is that large. But for the slack it is laid out as the label
   of the cell that the block is counted in (books/ledger.h).

   SEAL's upper 40 bits are the block's address under a secret of this process,
   so leftovers of other blocks never pass for a stamp. Its lower 24 are a check
   over the fields. A program that writes a little past its block breaks the
   fields first and leaves the end standing: such a stamp is recognised as
   broken, counted, and never believed. */

#ifndef DM_HOOK_STAMP_H
#define DM_HOOK_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hidden.h"

enum
{
  DM_STAMP_SIZE = 16,
  DM_STAMP_SLACK_BITS = 12,
  DM_STAMP_SLACK_SHIFT = 64 - DM_STAMP_SLACK_BITS
};
enum
{
  DM_STAMP_FAR = (1 << DM_STAMP_SLACK_BITS) - 1
};

#define DM_STAMP_LOADERS (UINT64_C(1) << 31) /* in the fields */

struct dm_stamp
{
  uint64_t fields;
  uint64_t seal;
};

/* What a stamp says. */
struct dm_block
{
  size_t size; /* bytes, as the program asked for */
  uint32_t callsite;
  uint32_t birth; /* slice */
  bool loaders;   /* asked for by the loader */
};

enum dm_stamp_state
{
  DM_STAMP_FOREIGN, /* not a block of ours */
  DM_STAMP_BROKEN,  /* ours, and overwritten */
  DM_STAMP_VALID
};

/* Secret of this process, its lower 24 bits 0; set by init.c before the first
   stamp. */
extern DM_HIDDEN uint64_t dm_stamp_secret;

static inline struct dm_stamp *
dm_stamp_at(void *block, size_t usable)
{
  return (struct dm_stamp *) ((char *) block + usable - DM_STAMP_SIZE);
}

/* The seal of BLOCK over FIELDS and EXTRA. The multiplier is an odd 64-bit
   fraction of pi; the upper bits of a product depend on all bits of its
   operand. Blocks are 8 bytes apart at least, so the address leaves the lower
   24 bits free, and so does the secret. */
static inline uint64_t
dm_stamp_seal(const void *block, uint64_t fields, uint64_t extra)
{
  uint64_t check =
      (fields ^ extra) * UINT64_C(0x243f6a8885a308d3);
  return (uint64_t) (uintptr_t) block << 21 ^ dm_stamp_secret ^ check >> 40;
}

/* What the seal of a stamp with the size in a word of its own covers besides
   the fields; never 0, which stands for none. */
static inline uint64_t
dm_stamp_extra(uint64_t size_word)
{
  return ~size_word;
}

static inline uint64_t
dm_stamp_fields(size_t slack, const struct dm_block *what)
{
  return what->birth | (what->loaders ? DM_STAMP_LOADERS : 0) |
         (uint64_t) what->callsite << 32 |
         (uint64_t) slack << DM_STAMP_SLACK_SHIFT;
}

static inline uint32_t
dm_stamp_callsite(uint64_t fields)
{
  return fields >> 32 & 0xfffff;
}

/* Writes the stamp of BLOCK, of USABLE bytes, at least WHAT->size +
   DM_STAMP_SIZE of them. */
static inline void
dm_stamp_write(void *block, size_t usable, const struct dm_block *what)
{
  struct dm_stamp *stamp = dm_stamp_at(block, usable);
  size_t slack = usable - DM_STAMP_SIZE - what->size;
  uint64_t extra = 0;
  if (__builtin_expect(slack >= DM_STAMP_FAR, 0))
  {
    slack = DM_STAMP_FAR;
    extra = dm_stamp_extra(what->size);
    ((uint64_t *) stamp)[-1] = what->size;
  }
  stamp->fields = dm_stamp_fields(slack, what);
  stamp->seal = dm_stamp_seal(block, stamp->fields, extra);
}

/* Reads the stamp of BLOCK, of USABLE bytes. *WHAT is set when it is valid. */
static inline enum dm_stamp_state
dm_stamp_read(void *block, size_t usable, struct dm_block *what)
{
  if (usable < DM_STAMP_SIZE)
    return DM_STAMP_FOREIGN;
  const struct dm_stamp *stamp = dm_stamp_at(block, usable);
  size_t slack = stamp->fields >> DM_STAMP_SLACK_SHIFT;
  what->birth = (uint32_t) stamp->fields & INT32_MAX;
  what->loaders = stamp->fields & DM_STAMP_LOADERS;
  what->callsite = dm_stamp_callsite(stamp->fields);
  what->size = usable - DM_STAMP_SIZE - slack;
  uint64_t extra = 0;
  if (__builtin_expect(slack == DM_STAMP_FAR, 0) &&
      usable >= DM_STAMP_SIZE + sizeof extra)
  {
    what->size = ((const uint64_t *) stamp)[-1];
    extra = dm_stamp_extra(what->size);
  }
  uint64_t difference =
      stamp->seal ^ dm_stamp_seal(block, stamp->fields, extra);
  if (difference == 0)
    return DM_STAMP_VALID;
  return difference >> 24 == 0 ? DM_STAMP_BROKEN : DM_STAMP_FOREIGN;
}

/* Ends the life of the stamp, so that nothing takes it for valid again. */
static inline void
dm_stamp_clear(void *block, size_t usable)
{
  dm_stamp_at(block, usable)->seal = 0;
}

/* The bytes of a stamped block that the program may use. */
static inline size_t
dm_stamp_room(size_t usable, const struct dm_block *what)
{
  size_t room = usable - DM_STAMP_SIZE;
  return room - what->size >= DM_STAMP_FAR ? room - sizeof(uint64_t) : room;
}

#endif
