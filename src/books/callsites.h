/* callsites.h -- the capped table of call stacks: stack -> small number.

   A callsite is a call stack that allocated: its frames, leaf first. It gets a
   number once and keeps it; ledgers count by number, blocks carry the number
   in their stamp. The table is append-only and shared by all threads: a new
   entry is written whole, then published by one compare-and-swap into the
   index, so a reader, a signal handler or a dump sees all of it or nothing.

   Number 0 is "(other)": stacks past the cap. Nothing is lost there, only the
   name.

   A frame is the return address with its module's number in the top 16 bits:
   the same address in another library is another frame. */

#ifndef DM_BOOKS_CALLSITES_H
#define DM_BOOKS_CALLSITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
  DM_CALLSITE_OTHER = 0
};

typedef uint64_t dm_frame;

/* The top bits of a frame: its module's number; below it a flag for a frame
   that a signal interrupted (its address is the very instruction, not the one
   after a call); below that the address. */
enum
{
  DM_FRAME_MODULE_SHIFT = 52
};
#define DM_FRAME_INTERRUPTED (UINT64_C(1) << 48)

static inline uintptr_t
dm_frame_address(dm_frame frame)
{
  return frame & ((UINT64_C(1) << 48) - 1);
}

static inline unsigned
dm_frame_module(dm_frame frame)
{
  return (unsigned) (frame >> DM_FRAME_MODULE_SHIFT);
}

/* The address to look a frame's function up by: inside the call instruction,
   for the one after it may belong to the next function. */
static inline uintptr_t
dm_frame_pc(dm_frame frame)
{
  return dm_frame_address(frame) - !(frame & DM_FRAME_INTERRUPTED);
}

/* Makes room for CAP callsites. Returns 0 or a negative errno. Called once. */
int dm_callsites_init(unsigned cap);

/* The number of the stack of COUNT frames (1 to 64), new or known, or
   DM_CALLSITE_OTHER when the table is full. CUT: the stack goes on beyond
   them. Thread-safe, Signal-safe; never waits. */
uint32_t dm_callsites_find(const dm_frame *frames, unsigned count, bool cut);

/* The frames of callsite NUMBER, leaf first; *COUNT says how many. They live
   for ever. For DM_CALLSITE_OTHER: none. */
const dm_frame *dm_callsite_frames(uint32_t number, unsigned *count);

/* Numbers given out so far: valid numbers are 1 to that. */
uint32_t dm_callsites_used(void);
uint32_t dm_callsites_cap(void);

/* How many of them are stacks that were cut. */
uint32_t dm_callsites_cut(void);

#endif
