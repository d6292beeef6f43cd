/* stack_memo.c -- the call stacks that a thread had lately: the table. */

#include "hook/stack_memo.h"

#include "base/arena.h"

static struct dm_memo_table *
make_table(uint64_t capacity)
{
  struct dm_memo_table *table =
      dm_arena_alloc(sizeof *table + capacity * sizeof *table->entry,
                     _Alignof(struct dm_memo_table));
  if (!table)
    return NULL;
  table->capacity = capacity;
  table->mask = (capacity - DM_MEMO_WAYS) * sizeof *table->entry;
  return table;
}

bool
dm_memo_init(struct dm_memo *memo)
{
  dm_memo_use_pairs(memo, DM_MEMO_PAIRS_FIRST);
  memo->table = make_table(DM_MEMO_STACKS_FIRST);
  return memo->table != NULL;
}

/* Takes all out of TABLE, for nothing that was found before SALT is believed.
 */
static void
clear(struct dm_memo_table *table, uint64_t salt)
{
  for (uint64_t i = 0; i < table->capacity; i++)
    if (table->entry[i] != 0)
      table->entry[i] = 0;
  table->filled = 0;
  table->salt = salt;
}

static bool
is_full(const dm_memo_entry *line)
{
  return line[DM_MEMO_WAYS - 1] != 0;
}

/* Puts NEW before the entries of LINE; the one at LAST goes. */
static void
put_first(dm_memo_entry *line, unsigned last, dm_memo_entry new)
{
  for (unsigned i = last; i > 0; i--)
    line[i] = line[i - 1];
  line[0] = new;
}

/* The line of ENTRY in TABLE that LINE, where it is, is not. */
static dm_memo_entry *
other_line(struct dm_memo_table *table, const dm_memo_entry *line,
           dm_memo_entry entry)
{
  dm_memo_entry *own = dm_memo_line(table, entry);
  return own == line ? dm_memo_second_line(table, entry) : own;
}

/* Which entry of LINE, which is full, is to go: one that has room in its other
   line, and is there then, else the last. */
static unsigned
make_room(struct dm_memo_table *table, const dm_memo_entry *line)
{
  for (unsigned i = DM_MEMO_WAYS; i-- > 0;)
  {
    dm_memo_entry *other = other_line(table, line, line[i]);
    if (!is_full(other))
    {
      put_first(other, DM_MEMO_WAYS - 1, line[i]);
      table->filled++;
      return i;
    }
  }
  return DM_MEMO_WAYS - 1;
}

/* Puts NEW into its line of TABLE. */
static void
put(struct dm_memo_table *table, dm_memo_entry new)
{
  dm_memo_entry *line = dm_memo_line(table, new);
  unsigned last = DM_MEMO_WAYS - 1;
  if (is_full(line))
    last = make_room(table, line);
  else
    table->filled++;
  put_first(line, last, new);
}

/* Puts a larger table with the same entries in the place of the present one, if
   there is memory. */
static void
grow(struct dm_memo *memo)
{
  const struct dm_memo_table *old = memo->table;
  struct dm_memo_table *table = make_table(old->capacity * DM_MEMO_GROWTH);
  if (!table)
    return;
  table->salt = old->salt;
  for (uint64_t i = old->capacity; i-- > 0;)
    if (old->entry[i] != 0)
      put(table, old->entry[i]);
  __atomic_store_n(&memo->table, table, __ATOMIC_RELEASE);
}

/* The entry for HASH in LINE, at FIRST or behind it, or 0. */
static dm_memo_entry
find_in(dm_memo_entry *line, unsigned first, uint64_t hash)
{
  for (unsigned i = first; i < DM_MEMO_WAYS; i++)
    if (dm_memo_is(line[i], hash))
    {
      dm_memo_entry found = line[i];
      put_first(line, i, found);
      return found;
    }
  return 0;
}

/* The entry for HASH in its own line, at FIRST or behind it, or in its second
   one, or 0. */
static dm_memo_entry
find_from(struct dm_memo *memo, unsigned first, uint64_t hash)
{
  dm_memo_entry *line = dm_memo_line(memo->table, hash);
  dm_memo_entry entry = find_in(line, first, hash);
  return entry || !is_full(line)
             ? entry
             : find_in(dm_memo_second_line(memo->table, hash), 0, hash);
}

dm_memo_entry
dm_memo_find_other(struct dm_memo *memo, uint64_t hash)
{
  return find_from(memo, 1, hash);
}

dm_memo_entry
dm_memo_find(struct dm_memo *memo, uint64_t hash)
{
  return find_from(memo, 0, hash);
}

void
dm_memo_keep(struct dm_memo *memo, uint64_t hash, uint32_t callsite,
             uint64_t salt)
{
  struct dm_memo_table *table = memo->table;
  if (table->salt != salt)
    clear(table, salt);
  uint64_t filled = table->filled;
  put(table, hash | callsite);
  /* So much is filled that entries get into each other's way. Asked each time
     that another part is: memory may be there again. */
  uint64_t part = table->capacity / DM_MEMO_STACKS_PARTS;
  if (table->filled != filled && table->filled % part == 0 &&
      table->capacity < 1 << DM_MEMO_STACKS_LOG2)
    grow(memo);
}
