/* callsites_rig.h -- made-up stacks, and small books that count by callsite as
   the hook and the dump do. */

#ifndef DM_TESTS_UNIT_CALLSITES_RIG_H
#define DM_TESTS_UNIT_CALLSITES_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "books/callsites.h"

enum
{
  DEEPEST = 64,
  RIG_CAP = 4096,
  RIG_THREADS = 8
};

/* Makes up stack NUMBER: some frames that no other number has, in another
   order of depth. Returns how many. */
unsigned make_stack(unsigned number, dm_frame frames[DEEPEST]);
uint32_t find_stack(unsigned number);

/* Whether callsite SITE holds stack NUMBER, in full, or COUNT frames of it. */
bool is_stack(uint32_t site, unsigned number);
bool is_part(uint32_t site, unsigned number, unsigned count);

/* Whether SITE is what the table may have recorded for stack NUMBER. */
bool is_some_of(uint32_t site, unsigned number);

/* A block as the hook sees it. */
struct block
{
  unsigned stack;
  uint32_t callsite; /* its stamp */
};

/* Ledger THREAD counts a block of stack STACK (or takes one out); the size is
   the stack's number. ALLOCATE goes by the rules of callsites.h, and remembers
   what it found as the hook's memo does. */
struct block allocate(unsigned thread, unsigned stack);
void release(unsigned thread, struct block block);

/* Called once in the next ALLOCATE, if set: when it has found its callsite and
   not counted, or counted and not looked at the generation again. */
extern void (*before_counting)(void);
extern void (*before_second_look)(void);
/* Called at both places each time, if set. */
extern void (*between_steps)(void);

/* What one callsite has counted. */
struct sums
{
  int64_t allocations, frees, allocated, freed;
};

/* The dump's side: sums all ledgers; reclaims. */
void sum_ledgers(void);
uint32_t reclaim(void);

/* As last summed, without what the number's former owners counted; and all that
   those counted. */
struct sums sums_of(uint32_t callsite);
struct sums sums_of_reclaimed(void);

/* How many times the books were asked to sum for a reclaimer, and what is to
   happen then. */
extern unsigned sums_made;
extern void (*while_summing)(void);

#endif
