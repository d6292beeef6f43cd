/* frame_rules.h -- how to get from a frame to its caller, learned from
   libunwind once for each return address.

   libunwind is right but must not be asked each time. A rule says what its
   answer was in terms of the registers: where the caller's frame begins, as an
   offset from the stack pointer or from rbp, and where rbp was saved.

   A rule is proved, not observed. libunwind is asked to step out of the frame
   with made-up registers: rsp and rbp are two numbers far apart, and every
   word that it reads from the stack is a number that says where it was read.
   So each result can be traced back to what it was computed from: "rsp + 48",
   "the word at rbp - 16". A second trial with other numbers must give the same
   rule: then it was no coincidence. Their lowest bits differ, so that a frame
   aligned by masking shows; and so do the factors by which a word's place is
   multiplied, so that no sum of a word and a constant looks like another word.
   What cannot be written as a rule is marked, and such stacks go to libunwind
   whole. */

#ifndef DM_HOOK_FRAME_RULES_H
#define DM_HOOK_FRAME_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hidden.h"

enum dm_rule_kind
{
  DM_RULE_UNKNOWN, /* not learned (yet) */
  DM_RULE_RSP,     /* the caller's frame is at rsp + offset */
  DM_RULE_RBP,     /* ... at rbp + offset */
  DM_RULE_AT_RBP,  /* ... at the address in the word at
                      rbp + offset: a realigned frame */
  DM_RULE_SIGNAL,  /* ... at the address in the word at
                      rsp + offset, the interrupted instruction in
                      the word after it */
  DM_RULE_GUESS,   /* code without unwind information: follow rbp
                      if it looks like a frame pointer */
  DM_RULE_END,     /* the outermost frame */
  DM_RULE_OPAQUE   /* only libunwind can tell */
};

enum dm_rule_rbp
{
  DM_RBP_SAME,   /* not saved */
  DM_RBP_AT_CFA, /* saved in the word at the caller's frame +
                    rbp offset */
  DM_RBP_AT_RSP, /* ... at rsp + rbp offset */
  DM_RBP_AT_RBP  /* ... at rbp + rbp offset */
};

/* A rule in one word: kind (3 bits), rbp (2), offset in words (24, signed),
   rbp offset in words (20, signed), module number (12 highest bits). */
typedef uint64_t dm_rule;

static inline enum dm_rule_kind
dm_rule_kind(dm_rule rule)
{
  return (enum dm_rule_kind)(rule & 7);
}

static inline enum dm_rule_rbp
dm_rule_rbp(dm_rule rule)
{
  return (enum dm_rule_rbp)(rule >> 3 & 3);
}

static inline int64_t
dm_rule_offset(dm_rule rule)
{
  return (int64_t) (rule << 35) >> 40;
}

static inline int64_t
dm_rule_rbp_offset(dm_rule rule)
{
  return (int64_t) (rule << 15) >> 44;
}

static inline unsigned
dm_rule_module(dm_rule rule)
{
  return (unsigned) (rule >> 52);
}

/* Makes room for the rules. Returns false when there is no memory. Called once,
   before all others. */
bool dm_rules_init(void);

/* The cache of rules, 4 to a cache line. A place holds the address's key
   combined with the rule, and the rule, so that a pair torn by a race or a
   signal handler does not match (Hyatt and Mann's lockless hash table): two
   rules differ in few bits, but keys that differ so little are of addresses
   that are far apart. A full line forgets one.

   As many lines are used as the rules need that were learned so far, so that a
   small program touches few pages. A rule that stands where it stood when there
   were fewer is brought to its new place when it is asked for. */
struct dm_rule_place
{
  uint64_t tag; /* key ^ rule */
  dm_rule rule;
};
enum
{
  DM_RULE_LINES_FIRST = 256, /* in use at first, */
  DM_RULE_LINES_GROWTH = 4,  /* so many times as many each time, */
  DM_RULE_LINES = 16384,     /* and at last */
  DM_RULE_WAYS = 4
};
extern DM_HIDDEN struct dm_rule_place (*dm_rule_cache)[DM_RULE_WAYS];
extern DM_HIDDEN unsigned dm_rule_lines; /* in use, a power of two */

/* What PC is sought by: another for each. */
static inline uint64_t
dm_rule_key(uintptr_t pc)
{
  return pc * UINT64_C(0x9e3779b97f4a7c15);
}

/* The line of KEY when LINES are in use. */
static inline struct dm_rule_place *
dm_rule_line(uint64_t key, unsigned lines)
{
  return dm_rule_cache[key >> 50 & (lines - 1)];
}

/* The rule for KEY in LINE, or DM_RULE_UNKNOWN. */
static inline dm_rule
dm_rule_in(const struct dm_rule_place *line, uint64_t key)
{
  for (unsigned i = 0; i < DM_RULE_WAYS; i++)
  {
    dm_rule rule = __atomic_load_n(&line[i].rule, __ATOMIC_RELAXED);
    uint64_t tag = __atomic_load_n(&line[i].tag, __ATOMIC_RELAXED);
    if ((tag ^ rule) == key)
      return rule;
  }
  return DM_RULE_UNKNOWN;
}

/* The slow half of the next: asks libunwind where nothing else helps. */
dm_rule dm_rule_learn(uintptr_t pc);

/* The rule for a frame that stands at PC: an address inside its call
   instruction, or the instruction that a signal interrupted. Thread-safe,
   Signal-safe; never waits. */
static inline dm_rule
dm_rule_find(uintptr_t pc)
{
  unsigned lines = __atomic_load_n(&dm_rule_lines, __ATOMIC_RELAXED);
  uint64_t key = dm_rule_key(pc);
  dm_rule rule = dm_rule_in(dm_rule_line(key, lines), key);
  return rule != DM_RULE_UNKNOWN ? rule : dm_rule_learn(pc);
}

/* Forgets the rules of a module that was unloaded. */
void dm_rules_forget(unsigned module);


#endif
