/* dense_rows.h -- the rules of functions that have very many rows.

   libunwind reads a function's program from its beginning up to the row that it
   is asked for. Where calls push their arguments, each makes rows of its own:
   an initializer of gcc's cc1 has 6,679, and 176 of them are asked for, one by
   one. So from some row of a function on all are learned at once and kept here,
   a word for each: where it begins, and which of the few rules it has. */

#ifndef DM_HOOK_DENSE_ROWS_H
#define DM_HOOK_DENSE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/frame_rules.h"
#include "hook/libunwind.h"

enum
{
  DM_DENSE_FROM = 256,  /* rows of a function that are learned one by one */
  DM_DENSE_PAGES = 256, /* bound: so many pages of rows */
  DM_DENSE_PAGE = 4096
};

struct dm_dense_page;

/* Who adds the rows of one function, in the order of its code; zeroed before the
   first. */
struct dm_dense_writer
{
  struct dm_dense_page *page; /* that nobody else finds yet, or NULL */
};

/* The rule of a row that was added lately and has LOOK (dm_libunwind_look);
   DM_RULE_UNKNOWN: there is none. */
dm_rule dm_dense_like(const struct dm_dense_writer *writer, uint64_t look);

/* Adds that CODE, which begins where the one before ended, has LOOK and RULE,
   with its module. Returns false when there is no room. */
bool dm_dense_add(struct dm_dense_writer *writer, struct dm_code code,
                  uint64_t look, dm_rule rule);

/* Lets all that was added be found. */
void dm_dense_end(struct dm_dense_writer *writer);

/* The rule of the row that has PC, with its module; DM_RULE_UNKNOWN when none was
   added. Thread-safe, Signal-safe; never waits. */
dm_rule dm_dense_find(uintptr_t pc);

/* Forgets the rows of a module that was unloaded; their pages stay. */
void dm_dense_forget(unsigned module);

#endif
