/* rule_rows.c -- the stretches of code that frame rules hold for. */

#include "hook/rule_rows.h"

#include <stdatomic.h>

#include "base/sys.h"

enum
{
  PART = 4, /* lines of rules, to one of rows */
  LINES = DM_RULE_LINES / PART,
  WAYS = 4,
  PIECE_LOG2 = 11,
  PIECE = 1 << PIECE_LOG2
};

/* A place is taken by setting WHERE, which is 0 before, and filled by setting
   RULE; it stays as it is until the module is forgotten, which empties it the
   other way round. So whoever finds the same rule before and after WHERE has
   read a row. */
struct place
{
  _Atomic uint64_t where; /* the address of the row's first byte, and where its
                             last one is in the piece */
  _Atomic dm_rule rule;   /* 0: none yet */
};

static struct place (*table)[WAYS];

bool
dm_rows_init(void)
{
  table = dm_sys_map(LINES * sizeof *table);
  return table != NULL;
}

/* As many lines are used as those of rules, in proportion. */
static unsigned
lines_now(void)
{
  return __atomic_load_n(&dm_rule_lines, __ATOMIC_RELAXED) / PART;
}

/* What of ROW, which has PC, is in the piece of PC. */
static uint64_t
where_of(uintptr_t pc, struct dm_code row)
{
  uintptr_t piece = pc / PIECE * PIECE;
  uintptr_t first = row.start > piece ? row.start : piece;
  uintptr_t last = row.end < piece + PIECE ? row.end - 1 - piece : PIECE - 1;
  return (uint64_t) first << PIECE_LOG2 | last;
}

static bool
has(uint64_t where, uintptr_t pc)
{
  uintptr_t first = where >> PIECE_LOG2, last = where % PIECE;
  return pc >= first && pc - first / PIECE * PIECE <= last;
}

static dm_rule
find_in(struct place *line, uintptr_t pc)
{
  for (unsigned i = 0; i < WAYS; i++)
  {
    /* Acquire: pairs with the release of dm_row_keep. */
    dm_rule rule = atomic_load_explicit(&line[i].rule, memory_order_acquire);
    uint64_t there = atomic_load_explicit(&line[i].where, memory_order_acquire);
    if (rule != 0 && has(there, pc) &&
        atomic_load_explicit(&line[i].rule, memory_order_relaxed) == rule)
      return rule;
  }
  return DM_RULE_UNKNOWN;
}

/* Also where it stood when fewer lines were in use. */
dm_rule
dm_row_find(uintptr_t pc)
{
  dm_rule rule = DM_RULE_UNKNOWN;
  for (unsigned lines = lines_now();
       rule == DM_RULE_UNKNOWN && lines >= DM_RULE_LINES_FIRST / PART;
       lines /= DM_RULE_LINES_GROWTH)
    rule = find_in(table[pc / PIECE % lines], pc);
  return rule;
}

void
dm_row_keep(uintptr_t pc, struct dm_code row, dm_rule rule)
{
  struct place *line = table[pc / PIECE % lines_now()];
  uint64_t here = where_of(pc, row);
  for (unsigned i = 0; i < WAYS; i++)
  {
    uint64_t none = 0;
    if (!atomic_compare_exchange_strong(&line[i].where, &none, here))
      continue;
    atomic_store_explicit(&line[i].rule, rule, memory_order_release);
    return;
  }
}

void
dm_rows_forget(unsigned module)
{
  for (unsigned i = 0; i < LINES * WAYS; i++)
  {
    struct place *place = &table[i / WAYS][i % WAYS];
    dm_rule rule = atomic_load_explicit(&place->rule, memory_order_relaxed);
    /* Who empties it is one. Release: whoever finds the place empty finds it
       without its rule. */
    if (rule != 0 && dm_rule_module(rule) == module &&
        atomic_compare_exchange_strong(&place->rule, &rule, 0))
      atomic_store_explicit(&place->where, 0, memory_order_release);
  }
}
