/* frame_rules.c -- how to get from a frame to its caller, learned once for each
   return address. */

#include "hook/frame_rules.h"

#include <stdatomic.h>

#include "base/sys.h"
#include "books/callsites.h"
#include "books/modules.h"
#include "hook/dense_rows.h"
#include "hook/libunwind.h"
#include "hook/rule_rows.h"

struct dm_rule_place (*dm_rule_cache)[DM_RULE_WAYS];
unsigned dm_rule_lines = DM_RULE_LINES_FIRST;

bool
dm_rules_init(void)
{
  dm_rule_cache = dm_sys_map(DM_RULE_LINES * sizeof *dm_rule_cache);
  return dm_rule_cache != NULL && dm_rows_init();
}

/* ------------------------------------------------------------------------
   Made-up registers. The top bits of a number say what it is; the rest, from
   an origin in the middle of its range, how far it is from the register, or
   where the word was read. */

enum
{
  TAG_RSP = 1, /* rsp + offset */
  TAG_RBP = 2,
  TAG_AT_RSP = 3, /* the word at rsp + offset / factor */
  TAG_AT_RBP = 4,
  TAG_AT_AT_RBP = 5 /* the word at an address tagged with the last */
};
enum
{
  TAG_SHIFT = 58
};

/* The two trials. Their numbers differ by 8 modulo 16, and so do those of the
   same word: aligned by masking they have different offsets. A word's place is
   multiplied by a factor, so that "the word at rbp - 8, plus 16" is not taken
   for "the word at rbp + 8"; what would be taken for it in one trial is not in
   the other. The factors are odd: so different places have different numbers
   even where the top bits are lost. */
static const struct
{
  uint64_t low;
  int64_t factor;
} trial[DM_TRIALS] = {{0x1000, (1 << 24) + 1}, {0x2f78, (1 << 24) + 3}};

static unsigned
tag_of(uint64_t number)
{
  return (unsigned) (number >> TAG_SHIFT);
}

/* What TAG has at offset 0. */
static uint64_t
origin(unsigned tag, unsigned set)
{
  return ((uint64_t) tag << TAG_SHIFT) + (UINT64_C(1) << (TAG_SHIFT - 1)) +
         trial[set].low;
}

static int64_t
offset_of(uint64_t number, unsigned set)
{
  return (int64_t) (number - origin(tag_of(number), set));
}

/* Where the word NUMBER was read, from its register; 1, which is no place of a
   word, when something was done to it since. */
static int64_t
place_of(uint64_t number, unsigned set)
{
  int64_t offset = offset_of(number, set), factor = trial[set].factor;
  return offset % factor == 0 ? offset / factor : 1;
}

/* The word at ADDRESS of the made-up stack, or 0: there is none. */
static uint64_t
word_at(unsigned set, uint64_t address)
{
  uint64_t tag;
  switch (tag_of(address))
  {
  case TAG_RSP:
    tag = TAG_AT_RSP;
    break;
  case TAG_RBP:
    tag = TAG_AT_RBP;
    break;
  case TAG_AT_RBP:
    tag = TAG_AT_AT_RBP;
    break;
  default:
    return 0;
  }
  uint64_t offset = (uint64_t) offset_of(address, set);
  uint64_t low = origin(0, set) + offset * (uint64_t) trial[set].factor;
  return tag << TAG_SHIFT | low << (64 - TAG_SHIFT) >> (64 - TAG_SHIFT);
}

/* ------------------------------------------------------------------------
   Learning. */

static dm_rule
pack(enum dm_rule_kind kind, enum dm_rule_rbp rbp, int64_t offset,
     int64_t rbp_offset)
{
  if (offset % 8 || rbp_offset % 8 || offset / 8 < -(1 << 23) ||
      offset / 8 >= 1 << 23 || rbp_offset / 8 < -(1 << 19) ||
      rbp_offset / 8 >= 1 << 19)
    return DM_RULE_OPAQUE;
  return (uint64_t) kind | (uint64_t) rbp << 3 |
         ((uint64_t) (offset / 8) & 0xffffff) << 5 |
         ((uint64_t) (rbp_offset / 8) & 0xfffff) << 29;
}

/* Where rbp went, given where the caller's frame is. */
static dm_rule
rule_with_rbp(uint64_t rbp, unsigned set, enum dm_rule_kind kind,
              int64_t offset)
{
  int64_t place = place_of(rbp, set);
  if (rbp == origin(TAG_RBP, set))
    return pack(kind, DM_RBP_SAME, offset, 0);
  /* Most often it is saved next to the return address. */
  if (tag_of(rbp) == TAG_AT_RSP)
    return kind == DM_RULE_RSP
               ? pack(kind, DM_RBP_AT_CFA, offset, place - offset)
               : pack(kind, DM_RBP_AT_RSP, offset, place);
  if (tag_of(rbp) == TAG_AT_RBP)
    return kind == DM_RULE_RBP
               ? pack(kind, DM_RBP_AT_CFA, offset, place - offset)
               : pack(kind, DM_RBP_AT_RBP, offset, place);
  return DM_RULE_OPAQUE;
}

/* What a step to a caller shows. The return address must come from where the
   architecture has it: the word below the caller's frame, or the signal
   frame. */
static dm_rule
rule_of_step(const struct dm_trial *tried, unsigned set)
{
  uint64_t cfa = tried->caller.rsp, rbp = tried->caller.rbp;
  int64_t place = place_of(cfa, set);
  bool called = tried->caller.ip == word_at(set, cfa - 8);
  if (tag_of(cfa) == TAG_RSP && called)
    return rule_with_rbp(rbp, set, DM_RULE_RSP, offset_of(cfa, set));
  if (tag_of(cfa) == TAG_RBP && called)
    return rule_with_rbp(rbp, set, DM_RULE_RBP, offset_of(cfa, set));
  if (tag_of(cfa) == TAG_AT_RBP && called)
    return rule_with_rbp(rbp, set, DM_RULE_AT_RBP, place);
  if (tag_of(cfa) == TAG_AT_RSP &&
      tried->caller.ip ==
          word_at(set, origin(TAG_RSP, set) + (uint64_t) place + 8))
    return rule_with_rbp(rbp, set, DM_RULE_SIGNAL, place);
  return DM_RULE_OPAQUE;
}

static dm_rule
rule_of_trial(const struct dm_trial *tried, unsigned set)
{
  switch (tried->result)
  {
  case DM_TRIAL_STEPPED:
    return rule_of_step(tried, set);
  case DM_TRIAL_OUTERMOST:
    return DM_RULE_END;
  default:
    return DM_RULE_OPAQUE;
  }
}

static dm_rule
rule_of_row(const struct dm_unwind_row *row)
{
  struct dm_trial tried[DM_TRIALS];
  for (unsigned i = 0; i < DM_TRIALS; i++)
  {
    tried[i].rsp = origin(TAG_RSP, i);
    tried[i].rbp = origin(TAG_RBP, i);
  }
  dm_libunwind_try(row, word_at, tried);
  dm_rule rule = rule_of_trial(&tried[0], 0);
  return rule == rule_of_trial(&tried[1], 1) ? rule : DM_RULE_OPAQUE;
}

/* What is being learned: the rule for PC, which is in MODULE. */
struct lesson
{
  uintptr_t pc;
  dm_rule module; /* as a rule has it */
  dm_rule rule;   /* DM_RULE_UNKNOWN until then */
  unsigned rows;  /* of the function, met so far */
  bool crowded;   /* no room for dense rows */
  struct dm_dense_writer dense;
};

/* The rule of ROW, one of very many, which is kept with all from there on. */
static dm_rule
learn_dense(struct lesson *lesson, const struct dm_unwind_row *row)
{
  uint64_t look = dm_libunwind_look(row);
  dm_rule rule = dm_dense_like(&lesson->dense, look);
  if (rule == DM_RULE_UNKNOWN)
    rule = rule_of_row(row) | lesson->module;
  lesson->crowded = !dm_dense_add(&lesson->dense, row->code, look, rule);
  return rule;
}

/* Learns the row that has PC, and from DM_DENSE_FROM on all. */
static bool
learn_row(void *arg, const struct dm_unwind_row *row)
{
  struct lesson *lesson = arg;
  bool wanted = lesson->pc >= row->code.start && lesson->pc < row->code.end;
  if (lesson->rows++ >= DM_DENSE_FROM && !lesson->crowded)
  {
    dm_rule rule = learn_dense(lesson, row);
    if (wanted)
      lesson->rule = rule;
    return !lesson->crowded || lesson->rule == DM_RULE_UNKNOWN;
  }
  if (wanted)
  {
    lesson->rule = rule_of_row(row) | lesson->module;
    dm_row_keep(lesson->pc, row->code, lesson->rule);
  }
  return lesson->rule == DM_RULE_UNKNOWN;
}

/* The rule for PC, with its module; DM_RULE_UNKNOWN when nobody can be asked
   now. */
static dm_rule
learn(uintptr_t pc)
{
  unsigned module = dm_modules_find(pc);
  /* Code that no file holds may change at any time, so nothing is learned. */
  if (module == 0)
    return DM_RULE_GUESS;
  struct lesson lesson = {.pc = pc, .module = (dm_rule) module << 52};
  enum dm_rows rows = dm_libunwind_rows(pc, learn_row, &lesson);
  dm_dense_end(&lesson.dense);
  if (rows == DM_ROWS_LATER)
    return DM_RULE_UNKNOWN;
  if (rows == DM_ROWS_NONE)
    return DM_RULE_GUESS | lesson.module;
  return lesson.rule != DM_RULE_UNKNOWN ? lesson.rule
                                        : DM_RULE_OPAQUE | lesson.module;
}

/* ------------------------------------------------------------------------
   The cache. */

static void
remember(uintptr_t pc, dm_rule rule)
{
  static _Atomic unsigned victim;
  uint64_t key = dm_rule_key(pc);
  struct dm_rule_place *line =
      dm_rule_line(key, __atomic_load_n(&dm_rule_lines, __ATOMIC_RELAXED));
  unsigned way = 0;
  while (way < DM_RULE_WAYS &&
         __atomic_load_n(&line[way].rule, __ATOMIC_RELAXED) != 0)
    way++;
  if (way == DM_RULE_WAYS)
    way = atomic_fetch_add_explicit(&victim, 1, memory_order_relaxed) %
          DM_RULE_WAYS;
  __atomic_store_n(&line[way].tag, key ^ rule, __ATOMIC_RELAXED);
  __atomic_store_n(&line[way].rule, rule, __ATOMIC_RELAXED);
}

/* Makes room for one more rule: half of the places stay free, for rules fall
   unevenly on the lines. */
static void
grow(void)
{
  static _Atomic unsigned learned;
  unsigned lines = __atomic_load_n(&dm_rule_lines, __ATOMIC_RELAXED);
  if (lines < DM_RULE_LINES &&
      atomic_fetch_add_explicit(&learned, 1, memory_order_relaxed) >=
          lines * DM_RULE_WAYS / 2)
    __atomic_store_n(&dm_rule_lines, lines * DM_RULE_LINES_GROWTH,
                     __ATOMIC_RELAXED);
}

/* The rule for PC where it stood when fewer lines were in use. */
static dm_rule
find_former(uintptr_t pc)
{
  uint64_t key = dm_rule_key(pc);
  dm_rule rule = DM_RULE_UNKNOWN;
  unsigned lines = __atomic_load_n(&dm_rule_lines, __ATOMIC_RELAXED);
  while (rule == DM_RULE_UNKNOWN && lines > DM_RULE_LINES_FIRST)
  {
    lines /= DM_RULE_LINES_GROWTH;
    rule = dm_rule_in(dm_rule_line(key, lines), key);
  }
  return rule;
}

/* The rule for PC that no line has. */
static dm_rule
find_new(uintptr_t pc)
{
  dm_rule rule = dm_row_find(pc);
  if (rule == DM_RULE_UNKNOWN)
    rule = dm_dense_find(pc);
  return rule != DM_RULE_UNKNOWN ? rule : learn(pc);
}

dm_rule
dm_rule_learn(uintptr_t pc)
{
  dm_rule rule = find_former(pc);
  if (rule == DM_RULE_UNKNOWN)
  {
    rule = find_new(pc);
    if (rule == DM_RULE_UNKNOWN || dm_rule_module(rule) == 0)
      return rule;
    grow();
  }
  remember(pc, rule);
  return rule;
}

static void
forget_place(struct dm_rule_place *place, unsigned module)
{
  dm_rule rule = __atomic_load_n(&place->rule, __ATOMIC_RELAXED);
  if (dm_rule_module(rule) != module)
    return;
  __atomic_store_n(&place->rule, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&place->tag, 0, __ATOMIC_RELAXED);
}

void
dm_rules_forget(unsigned module)
{
  for (unsigned i = 0; i < DM_RULE_LINES; i++)
    for (unsigned way = 0; way < DM_RULE_WAYS; way++)
      forget_place(&dm_rule_cache[i][way], module);
  dm_rows_forget(module);
  dm_dense_forget(module);
  atomic_fetch_add_explicit(&dm_callsites_generation, 1, memory_order_relaxed);
}
