/* fake_unwind.c -- an unwinder that finds the callsite a test sets; see
   hook/unwind.h. The memo of a new thread is empty, and nothing fills it. */

#include "fake_unwind.h"

#include "hook/unwind.h"

uint32_t fake_callsite, fake_next_callsite;
_Atomic uint32_t dm_callsites_generation;

struct dm_cell *
dm_unwind_cell(struct dm_thread *thread, struct dm_caller caller,
               uint64_t hash)
{
  (void) caller, (void) hash;
  uint32_t found = fake_callsite;
  if (fake_next_callsite)
  {
    dm_callsites_generation++;
    fake_callsite = fake_next_callsite;
    fake_next_callsite = 0;
  }
  return dm_ledger_own_cell(thread->ledger, found);
}

void
dm_rules_forget(unsigned module)
{
  (void) module;
  dm_callsites_generation++;
}
