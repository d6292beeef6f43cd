/* frame.h -- one frame of a call stack, in a word.

   A frame is the return address with its module's number in the top bits: the
   same address in another library is another frame. */

#ifndef DM_BOOKS_FRAME_H
#define DM_BOOKS_FRAME_H

#include <stdint.h>

#include "base/chain.h"

typedef uint64_t dm_frame;

/* The top bits of a frame: its module's number; below it a flag for a frame
   that a signal interrupted (its address is the very instruction, not the one
   after a call); below that the address. */
enum
{
  DM_FRAME_MODULE_SHIFT = 52
};
#define DM_FRAME_INTERRUPTED (UINT64_C(1) << 48)

#define DM_FRAME_ADDRESS ((UINT64_C(1) << 48) - 1)

static inline uintptr_t
dm_frame_address(dm_frame frame)
{
  return frame & DM_FRAME_ADDRESS;
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

/* The chain (base/chain.h) of COUNT frames, innermost first, from the outermost
   on. */
static inline uint64_t
dm_frames_chain(const dm_frame *frames, unsigned count)
{
  uint64_t chain = 0;
  while (count-- > 0)
    chain = dm_chain_add(chain, frames[count]);
  return chain;
}

#endif
