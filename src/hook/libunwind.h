/* libunwind.h -- what libunwind knows of frames and stacks.

   libunwind runs here in its remote form on an address space of our own: it
   asks us for memory, for registers, and for unwind tables, which come from
   _dl_find_object. So it takes no lock of the loader, tests no address with
   pipes, and reads none that was not checked. It is loaded with RTLD_LOCAL:
   none of its names reaches the program. The one thing that it does on its own
   is to block signals around its pool of descriptors; here they are blocked
   already, so that no handler comes inside.

   This file, its .c and unwind_tables.c are the only ones that know it. */

#ifndef DM_HOOK_LIBUNWIND_H
#define DM_HOOK_LIBUNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/stack_memo.h"

/* Loads libunwind. Returns NULL, or why it cannot be used, in a few words. */
const char *dm_libunwind_init(void);

/* The code from START up to END. */
struct dm_code
{
  uintptr_t start, end;
};

/* A row of an unwind table, while it is visited: the code from where the same
   steps lead out, and libunwind's own. */
struct dm_unwind_row
{
  struct dm_code code;
  void *steps;
  size_t size;
  struct dm_libunwind_request *request;
};

/* Called with the ARG of dm_libunwind_rows for one ROW after another, until it
   returns false. */
typedef bool dm_row_visitor(void *arg, const struct dm_unwind_row *row);

enum dm_rows
{
  DM_ROWS_VISITED,
  DM_ROWS_NONE, /* the code has no unwind information */
  DM_ROWS_LATER /* libunwind cannot be asked now */
};

/* VISITs the rows of the function that has PC, from its beginning. PC must lie
   in a module that stays. Thread-safe, Signal-safe; never waits. */
enum dm_rows dm_libunwind_rows(uintptr_t pc, dm_row_visitor *visit, void *arg);

/* A number that is the same for rows of one function that look the same, and by
   chance, in one of 2^64 or so, for others. */
uint64_t dm_libunwind_look(const struct dm_unwind_row *row);

/* A frame whose registers and stack are made up, and what a step out of it led
   to. */
enum dm_trial_result
{
  DM_TRIAL_STEPPED,
  DM_TRIAL_OUTERMOST,
  DM_TRIAL_FAILED /* it needs other registers, or is malformed */
};
enum
{
  DM_TRIALS = 2
};
struct dm_trial
{
  uint64_t rsp, rbp; /* the frame's; it knows no others */
  enum dm_trial_result result;
  struct
  {
    uint64_t ip, rsp, rbp;
  } caller;
};

/* The word at ADDRESS of the stack of trial NUMBER; 0: there is none. */
typedef uint64_t dm_trial_word(unsigned number, uint64_t address);

/* Steps out of a frame that stands in ROW, once for each of TRIALS, with the
   words of WORD. */
void dm_libunwind_try(const struct dm_unwind_row *row, dm_trial_word *word,
                      struct dm_trial trials[DM_TRIALS]);

/* The whole stack: up to MAX return addresses into ADDRESSES, leaf first, with
   INTERRUPTED[i] for those that a signal interrupted. All may be read from the
   slot of CALLER up to HIGH (0: that is not known); what lies elsewhere is read
   where the kernel says that it can be. Returns how many, 0 if libunwind cannot
   be asked now. Thread-safe, Signal-safe; never waits. */
unsigned dm_libunwind_stack(const struct dm_caller *caller, uintptr_t high,
                            uintptr_t *addresses, bool *interrupted,
                            unsigned max);

/* Around fork(2): no other thread may be inside libunwind when the process is
   copied, for the copy would find its pool locked for ever. Before: waits, 20
   milliseconds at most, and keeps others out (they record the caller
   only). After, in parent and child: lets them in again. */
void dm_libunwind_before_fork(void);
void dm_libunwind_after_fork(bool child);

#endif
