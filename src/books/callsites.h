/* callsites.h -- the capped table of call stacks: stack -> small number.

   A callsite is a call stack that allocated: its frames, leaf first. It gets a
   number; ledgers count by number, blocks carry the number in their stamp. The
   table is shared by all threads without a lock.

   Number 0 is "(other)": stacks that found no room, and whatever threads without
   a place of their own allocate (hook/thread.h). Nothing is lost there, only the
   name.

   When room gets scarce, knowledge is given up step by step, the least valuable
   first, by how many numbers are in use in thirty-seconds of the cap. What is
   known already is always found in full first.

     from 24: long recursion is folded (fold.h), and callsites without a live
              block are reclaimed by the thread that makes the dumps
     from 28: a stack is recorded by its 8 innermost frames at first, and in
              full when it comes the 2nd time (doorkeeper.h)
     from 29: by its 4 innermost frames, and in full the 4th time
     from 30: by its caller alone, and in full the 8th time
     from 31: by its caller alone
     at 32:   (other)

   So a million stacks that come once share what they have in common, and one
   that comes again and again gets its name. Each step is a figure of the dump.

   A number that was reclaimed is given to another stack. callsites_reclaim.c
   says how, and why neither a block, a ledger nor a dump takes the one for the
   other. What it asks of whoever counts by number:

     1. Read dm_callsites_generation.
     2. Find the number; one remembered from an older generation does not count.
     3. Stamp the block, count it for that number. (Where there is no memory to
        count there, take (other) for the number, in the stamp too: a number
   that a block carries must count it.)
     4. Read dm_callsites_generation again. If it is another, begin anew at 2
        with it: when the number differs, count the block there, take the count
        back here (as if it had never been), and stamp the block anew.
     5. Only then hand the block out.

   Taking a block out again needs none of this: while it is counted, its number
   is not reclaimed. */

#ifndef DM_BOOKS_CALLSITES_H
#define DM_BOOKS_CALLSITES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hidden.h"
#include "books/frame.h"

enum
{
  DM_CALLSITE_OTHER = 0
};

/* Makes room for CAP callsites. Returns 0 or a negative errno. Called once. */
int dm_callsites_init(unsigned cap);

/* Changes whenever a number that was found before must be looked up again:
   numbers are being reclaimed, or a module is gone. Whoever makes such a change
   adds 1. */
extern DM_HIDDEN _Atomic uint32_t dm_callsites_generation;

/* The number of the stack of COUNT frames (1 to 64), new or known, or that of
   what is recorded in its place, at last DM_CALLSITE_OTHER. CUT: the stack goes
   on beyond them. Thread-safe, Signal-safe; never waits. */
uint32_t dm_callsites_find(const dm_frame *frames, unsigned count, bool cut);

/* The two halves of that, for callers that have the chain of the frames,
   dm_frames_chain, without looking at each. KNOWN: the number of the stack if it
   is recorded in full, else DM_CALLSITE_OTHER. NEW: what is recorded of one that
   is not. The same. */
uint32_t dm_callsites_known(uint64_t chain, unsigned count, bool cut);
uint32_t dm_callsites_new(uint64_t chain, const dm_frame *frames,
                          unsigned count, bool cut);

/* Whether a stack for which NUMBER was found should be looked up again at its
   next allocation instead of being remembered: it was recorded shortened for
   now, and will be in full when it comes again. Thread-safe, Signal-safe. */
bool dm_callsites_may_improve(uint32_t number);

/* The frames of callsite NUMBER, leaf first; *COUNT says how many. They stay
   until the number is reclaimed. NUMBER must be one that was found, so that
   somebody counted there, or anything when no thread allocates. For
   DM_CALLSITE_OTHER: none. */
const dm_frame *dm_callsite_frames(uint32_t number, unsigned *count);

/* How the stack of NUMBER was recorded: */
enum
{
  DM_CALLSITE_CUT = 1,      /* it went on beyond its outermost frame */
  DM_CALLSITE_FOLDED = 2,   /* there was more recursion */
  DM_CALLSITE_SHORTENED = 4 /* for want of room */
};
unsigned dm_callsite_how(uint32_t number);

/* Numbers that were ever given out: valid numbers are 1 to that. */
uint32_t dm_callsites_used(void);
uint32_t dm_callsites_cap(void);

/* How many callsites are stacks that were cut. */
uint32_t dm_callsites_cut(void);

/* What room there is and what was given up for it. */
struct dm_callsites_figures
{
  uint32_t in_use;    /* callsites that there are now; of them: */
  uint32_t cut;       /*   stacks that were cut */
  uint32_t folded;    /*   with long recursion left out */
  uint32_t shortened; /*   shortened to 8 or 4 frames */
  uint32_t callers;   /*   shortened to the caller */
  uint64_t reclaimed; /* that there were and that had no live block */
  uint64_t nameless;  /* look-ups that ended in (other) */
};
struct dm_callsites_figures dm_callsites_figures(void);

/* Whether so many numbers are in use that some should be reclaimed: three
   quarters of the cap. Thread-safe, Signal-safe. */
bool dm_callsites_pressed(void);

/* Whether new stacks are still recorded in full. The same. */
bool dm_callsites_have_room(void);

/* What the books say of a callsite. */
enum dm_callsite_worth
{
  DM_WORTH_LIVE, /* it has live blocks, or may have: keep it */
  DM_WORTH_USED, /* it has none, but had some again and again */
  DM_WORTH_ONCE  /* it has none and had one, or hardly more */
};

/* The books' part in reclaiming; each function gets BOOKS.

   WORTH tells, by what was summed up last, what a callsite is worth; a number
   that is wrongly called worthless costs time only.

   SUM adds the cells of the withdrawn callsites (dm_callsite_is_withdrawn) over
   all ledgers anew, in three passes: all frees; then all allocations; then what
   else there is, such as bytes.

   IS_DEAD tells by that sum whether allocations equal frees, and the bytes of
   live blocks are 0.

   RECLAIMED: the number has lost its stack, and will get another. What was
   summed is the base that its successor's sums begin from, and is added to what
   reclaimed callsites counted. It may be called twice for one sum and must then
   do nothing the second time. */
struct dm_reclaim_books
{
  enum dm_callsite_worth (*worth)(uint32_t number, void *books);
  void (*sum)(void *books);
  bool (*is_dead)(uint32_t number, void *books);
  void (*reclaimed)(uint32_t number, void *books);
  void *books;
};

/* Reclaims callsites with no live block, those first that were not looked up
   lately; nothing unless pressed. Returns how many. It needs dm_barrier:
   without it nothing is reclaimed. For one caller at a time, the one who makes
   the dumps, and never a program's thread. Takes no lock and waits for nobody.
 */
uint32_t dm_callsites_reclaim(const struct dm_reclaim_books *with);

/* Whether NUMBER is being reclaimed just now. */
bool dm_callsite_is_withdrawn(uint32_t number);

#endif
