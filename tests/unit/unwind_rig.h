/* unwind_rig.h -- stacks that are made up, for rules that are.

   The leaf's return address lies at word START; each frame is put on top of
   what is there. */

#ifndef DM_TESTS_UNIT_UNWIND_RIG_H
#define DM_TESTS_UNIT_UNWIND_RIG_H

#include <stdint.h>

#include "hook/unwind.h"

enum
{
  CAP = 100000, /* callsites */
  WORDS = 8192, /* of the stack; behind it is a page without access */
  START = 100
};

extern uintptr_t *stack;
extern struct dm_thread *thread;
extern struct dm_mishaps *mishaps;

extern unsigned top;           /* the first word of the frame that is next */
extern uintptr_t expected[64]; /* the addresses, leaf first */
extern unsigned expected_count;
extern uintptr_t rbp_register; /* at the call of the leaf */

/* Empty books, an empty stack, a depth of 32; function 1 is the outermost. */
void unwind_setup(void);

/* A new stack, called from ADDRESS. */
void begin(uintptr_t address);

/* The frame so far is LENGTH words long, and was called from ADDRESS. */
void push(unsigned length, uintptr_t address);

/* DEPTH functions 2, 3, ... with frames of 3, 4, ... words, then 1. */
void make_plain_stack(unsigned depth);

/* Five frames: function 2 is without a frame pointer and leaves rbp as it was;
   3 has one; 4 saves rbp and uses it for something else; 5 has a realigned
   frame; 1 is the outermost. */
void make_mixed_stack(void);

/* The callsite of the stack. */
uint32_t find(void);

/* The same; compares its frames with the first COUNT expected. */
uint32_t check_frames(unsigned count);

#endif
