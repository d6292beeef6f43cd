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
  struct dm_memo_table *table =
      dm_arena_alloc(sizeof *table + capacity * sizeof *table->stack,
                     _Alignof(struct dm_memo_table));
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

/* Takes all out of TABLE, for nothing that was found before SALT is believed.
 */
static void
clear(struct dm_memo_table *table, uint64_t salt)
{
  for (uint64_t i = 0; i < table->capacity; i++)
    if (!is_empty(&table->stack[i]))
      table->stack[i] = (struct dm_memo_stack){0, NULL};
  table->filled = 0;
  table->salt = salt;
}

static bool
is_full(const struct dm_memo_stack *line)
{
  return !is_empty(&line[DM_MEMO_WAYS - 1]);
}

/* Puts NEW before the entries of LINE; the one at LAST goes. */
static void
put_first(struct dm_memo_stack *line, unsigned last, struct dm_memo_stack new)
{
  for (unsigned i = last; i > 0; i--)
    line[i] = line[i - 1];
  line[0] = new;
}

/* The line of STACK in TABLE that LINE, where it is, is not. */
static struct dm_memo_stack *
other_line(struct dm_memo_table *table, const struct dm_memo_stack *line,
           const struct dm_memo_stack *stack)
{
  uint64_t hash = dm_memo_tag(stack->tag, stack->cell);
  struct dm_memo_stack *own = dm_memo_line(table, hash);
  return own == line ? dm_memo_second_line(table, hash) : own;
}

/* Which entry of LINE, which is full, is to go: one that has room in its other
   line, and is there then, else the last. */
static unsigned
make_room(struct dm_memo_table *table, const struct dm_memo_stack *line)
{
  for (unsigned i = DM_MEMO_WAYS; i-- > 0;)
  {
    struct dm_memo_stack *other = other_line(table, line, &line[i]);
    if (!is_full(other))
    {
      put_first(other, DM_MEMO_WAYS - 1, line[i]);
      table->filled++;
      return i;
    }
  }
  return DM_MEMO_WAYS - 1;
}

/* Puts NEW, whose hash is HASH, into its line of TABLE. */
static void
put(struct dm_memo_table *table, uint64_t hash, struct dm_memo_stack new)
{
  struct dm_memo_stack *line = dm_memo_line(table, hash);
  unsigned last = DM_MEMO_WAYS - 1;
  if (is_full(line))
    last = make_room(table, line);
  else
    table->filled++;
  put_first(line, last, new);
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
    put(table, dm_memo_tag(stack->tag, stack->cell), *stack);
  }
  __atomic_store_n(&memo->table, table, __ATOMIC_RELEASE);
}

/* The cell that HASH leads to from LINE, at FIRST or behind it, or NULL. */
static struct dm_cell *
find_in(struct dm_memo_stack *line, unsigned first, uint64_t hash)
{
  for (unsigned i = first; i < DM_MEMO_WAYS; i++)
    if (dm_memo_is(&line[i], hash))
    {
      struct dm_memo_stack found = line[i];
      put_first(line, i, found);
      return found.cell;
    }
  return NULL;
}

/* The cell that HASH leads to from its own line, at FIRST or behind it, or from
   its second one, or NULL. */
static struct dm_cell *
find_from(struct dm_memo *memo, unsigned first, uint64_t hash)
{
  struct dm_memo_stack *line = dm_memo_line(memo->table, hash);
  struct dm_cell *cell = find_in(line, first, hash);
  return cell || !is_full(line)
             ? cell
             : find_in(dm_memo_second_line(memo->table, hash), 0, hash);
}

struct dm_cell *
dm_memo_find_other(struct dm_memo *memo, uint64_t hash)
{
  return find_from(memo, 1, hash);
}

struct dm_cell *
dm_memo_find(struct dm_memo *memo, uint64_t hash)
{
  return find_from(memo, 0, hash);
}

void
dm_memo_keep(struct dm_memo *memo, uint64_t hash, struct dm_cell *cell,
             uint64_t salt)
{
  struct dm_memo_table *table = memo->table;
  if (table->salt != salt)
    clear(table, salt);
  uint64_t filled = table->filled;
  put(table, hash, (struct dm_memo_stack){dm_memo_tag(hash, cell), cell});
  /* So much is filled that entries get into each other's way. Asked each time
     that another part is: memory may be there again. */
  uint64_t part = table->capacity / DM_MEMO_STACKS_PARTS;
  if (table->filled != filled && table->filled % part == 0 &&
      table->capacity < 1 << DM_MEMO_STACKS_LOG2)
    grow(memo);
}
