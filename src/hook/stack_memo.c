/* stack_memo.c -- the call stacks that a thread had lately: the table. */

#include "hook/stack_memo.h"

#include "base/arena.h"

enum
{
  GROWTH = 4 /* so all former tables together are smaller than the largest */
};

static struct dm_memo_table *
make_table(uint64_t capacity)
{
  struct dm_memo_table *table = dm_arena_alloc(
      sizeof *table + capacity * sizeof *table->stack, _Alignof(struct dm_memo_table));
  if (!table)
    return NULL;
  table->capacity = capacity;
  table->mask = (capacity - DM_MEMO_WAYS) * sizeof *table->stack;
  return table;
}

bool
dm_memo_init(struct dm_memo *memo)
{
  memo->table = make_table(DM_MEMO_STACKS_FIRST);
  return memo->table != NULL;
}

static bool
is_empty(const struct dm_memo_stack *stack)
{
  return !stack->cell;
}

static void
clear(struct dm_memo_table *table)
{
  for (uint64_t i = 0; i < table->capacity; i++)
    if (!is_empty(&table->stack[i]))
      table->stack[i] = (struct dm_memo_stack){0, NULL};
  table->filled = 0;
}

/* Puts NEW before the entries of LINE; the one at LAST goes. */
static void
put_first(struct dm_memo_stack *line, unsigned last, struct dm_memo_stack new)
{
  for (unsigned i = last; i > 0; i--)
    line[i] = line[i - 1];
  line[0] = new;
}

/* Puts a larger table with the same entries in the place of the present one, if
   there is memory. An entry has the whole of its hash in its tag. */
static void
grow(struct dm_memo *memo)
{
  const struct dm_memo_table *old = memo->table;
  struct dm_memo_table *table = make_table(old->capacity * GROWTH);
  if (!table)
    return;
  table->salt = old->salt;
  for (uint64_t i = old->capacity; i-- > 0;)
  {
    const struct dm_memo_stack *stack = &old->stack[i];
    if (is_empty(stack))
      continue;
    uint64_t hash = dm_memo_tag(stack->tag, stack->cell);
    put_first(dm_memo_line(table, hash), DM_MEMO_WAYS - 1, *stack);
    table->filled++;
  }
  __atomic_store_n(&memo->table, table, __ATOMIC_RELEASE);
}

/* So much of the table is filled that entries get into each other's way. */
static void
make_room(struct dm_memo *memo, uint64_t salt)
{
  struct dm_memo_table *table = memo->table;
  if (table->salt != salt)
  {
    clear(table);
    table->salt = salt;
  }
  else if (table->capacity < 1 << DM_MEMO_STACKS_LOG2)
    grow(memo);
}

struct dm_cell *
dm_memo_find_other(struct dm_memo *memo, uint64_t hash)
{
  struct dm_memo_stack *line = dm_memo_line(memo->table, hash);
  for (unsigned i = 1; i < DM_MEMO_WAYS; i++)
    if (dm_memo_is(&line[i], hash))
    {
      struct dm_memo_stack found = line[i];
      put_first(line, i, found);
      return found.cell;
    }
  return NULL;
}

void
dm_memo_keep(struct dm_memo *memo, uint64_t hash, struct dm_cell *cell,
             uint64_t salt)
{
  struct dm_memo_table *table = memo->table;
  struct dm_memo_stack *line = dm_memo_line(table, hash);
  bool fills = is_empty(&line[DM_MEMO_WAYS - 1]);
  put_first(line, DM_MEMO_WAYS - 1,
            (struct dm_memo_stack){dm_memo_tag(hash, cell), cell});
  if (!fills)
    return;
  /* Each time that another part is filled: memory may be there again. */
  uint64_t part = table->capacity / DM_MEMO_STACKS_PARTS;
  if (++table->filled % part == 0)
    make_room(memo, salt);
}
