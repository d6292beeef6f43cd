/* fake_rules.h -- frame rules that a test gives, for a stack that it makes up.

   Code is made up too: function N is at address FAKE_CODE + N * FAKE_SIZE, and
   each address in it has the function's rule. */

#ifndef DM_TESTS_UNIT_FAKE_RULES_H
#define DM_TESTS_UNIT_FAKE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/frame_rules.h"

enum
{
  FAKE_FUNCTIONS = 256
};

extern dm_rule fake_rules[FAKE_FUNCTIONS];

/* How often a rule was looked up. */
extern unsigned fake_lookups;

/* What libunwind says of the whole stack, and how often it was asked. */
extern uintptr_t fake_whole[64];
extern unsigned fake_whole_count, fake_whole_asked;

/* A rule: KIND, with OFFSET words; rbp saved as RBP says, at RBP_OFFSET
   words. */
static inline dm_rule
make_rule(enum dm_rule_kind kind, int offset, enum dm_rule_rbp rbp,
          int rbp_offset)
{
  return (uint64_t) kind | (uint64_t) rbp << 3 |
         ((uint64_t) (unsigned) offset & 0xffffff) << 5 |
         ((uint64_t) (unsigned) rbp_offset & 0xfffff) << 29;
}

/* A rule of MODULE, another for each NUMBER up to 2^16. */
static inline dm_rule
rule_of(unsigned module, unsigned number)
{
  return make_rule(DM_RULE_RSP, (int) number, DM_RBP_SAME, 0) |
         (dm_rule) module << 52;
}

/* Where code begins, and how long a function is. */
enum
{
  FAKE_CODE = 0x400000,
  FAKE_SIZE = 256
};

/* A return address in FUNCTION; there are 255 of them. */
static inline uintptr_t
code_address(unsigned function, unsigned which)
{
  return FAKE_CODE + function * FAKE_SIZE + 1 + which % 255;
}

#endif
