/* fake_rules.c -- frame rules that a test gives; see hook/frame_rules.h. The
   cache stays empty, so that every look-up comes here. */

#include "fake_rules.h"

#include "books/modules.h"
#include "hook/libunwind.h"

static struct dm_rule_place cache[DM_RULE_LINES][DM_RULE_WAYS];
struct dm_rule_place (*dm_rule_cache)[DM_RULE_WAYS] = cache;
unsigned dm_rule_lines = 1;
uintptr_t dm_loader_start, dm_loader_end; /* nothing is the loader's */

dm_rule fake_rules[FAKE_FUNCTIONS];
unsigned fake_lookups;
uintptr_t fake_whole[64];
unsigned fake_whole_count, fake_whole_asked;

dm_rule
dm_rule_learn(uintptr_t pc)
{
  fake_lookups++;
  uintptr_t function = (pc - FAKE_CODE) / FAKE_SIZE;
  return function < FAKE_FUNCTIONS ? fake_rules[function] : DM_RULE_UNKNOWN;
}

unsigned
dm_libunwind_stack(const struct dm_caller *caller, uintptr_t high,
                   uintptr_t *addresses, bool *interrupted, unsigned max)
{
  (void) caller, (void) high;
  fake_whole_asked++;
  unsigned count = fake_whole_count < max ? fake_whole_count : max;
  for (unsigned i = 0; i < count; i++)
  {
    addresses[i] = fake_whole[i];
    interrupted[i] = false;
  }
  return count;
}
