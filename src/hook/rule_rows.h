/* rule_rows.h -- the stretches of code that frame rules hold for.

   An unwind table has a row for each stretch of a function in which the frame
   looks the same, and libunwind reads the function's whole program to find the
   row of one address. The other return addresses in that row have the same
   rule: half of all that are met. So the row is kept with its rule, and is
   asked before libunwind is.

   Rows are kept by pieces of code of 2 KiB, four for each place in the table;
   where there are more, they are not kept. */

#ifndef DM_HOOK_RULE_ROWS_H
#define DM_HOOK_RULE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/frame_rules.h"
#include "hook/libunwind.h"

/* Makes room for the rows. Returns false when there is no memory. Called once,
   before all others. */
bool dm_rows_init(void);

/* FIND: the rule of the row that has PC, with its module; DM_RULE_UNKNOWN when
   none was kept. KEEP: ROW, which has PC, has RULE from now on.
   Thread-safe, Signal-safe; never wait. */
dm_rule dm_row_find(uintptr_t pc);
void dm_row_keep(uintptr_t pc, struct dm_code row, dm_rule rule);

/* Forgets the rows of a module that was unloaded. */
void dm_rows_forget(unsigned module);

#endif
