/* births.c -- a thread's live blocks by callsite and second of birth.

   Open addressing. A place is taken by one compare-and-swap of its key and
   never changes it, so that a signal handler finds it or finds it free. */

#include "books/births.h"

#include "base/arena.h"

enum
{
  SMALLEST = 128, /* places of the first table */
  STALE = 2       /* slices after which a move was left, not interrupted */
};

#define TAKEN (UINT64_C(1) << 63)

static uint64_t
key_of(uint32_t callsite, uint32_t birth)
{
  return TAKEN | (uint64_t) callsite << 32 | birth;
}

static struct dm_birth_table *
make_table(uint64_t capacity)
{
  struct dm_birth_table *table = dm_arena_alloc(
      sizeof *table + capacity * sizeof *table->place, sizeof(uint64_t));
  if (table)
  {
    table->capacity = capacity;
    table->limit = capacity / 4 * 3;
  }
  return table;
}

bool
dm_births_init(struct dm_births *births)
{
  births->current = make_table(SMALLEST);
  return births->current != NULL;
}

/* The place of KEY in TABLE, or the free one that ends the search for it; NULL
   when there is neither. */
static struct dm_birth *
search(const struct dm_birth_table *table, uint64_t key)
{
  size_t mask = table->capacity - 1;
  size_t i = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;
  for (size_t tried = 0; tried <= mask; tried++, i++)
  {
    const struct dm_birth *place = &table->place[i & mask];
    uint64_t seen = dm_counter_read(&place->key);
    if (seen == key || seen == 0)
      return (struct dm_birth *) place;
  }
  return NULL;
}

/* The row of KEY in TABLE, made when there is none; NULL when there is no
   room. */
static struct dm_row *
take(struct dm_birth_table *table, uint64_t key)
{
  for (;;)
  {
    struct dm_birth *place = search(table, key);
    if (!place)
      return NULL;
    uint64_t seen = dm_counter_read(&place->key);
    if (seen == 0 &&
        __atomic_compare_exchange_n(&place->key, &seen, key, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    {
      dm_counter_add(&table->used, 1);
      return &place->live;
    }
    if (seen == key)
      return &place->live;
  }
}

static bool
is_empty(const struct dm_birth *place)
{
  return place->live.count == 0 && place->live.bytes == 0;
}

/* The birth that stands for BIRTH in slice NOW, told in STEPS. */
static uint32_t
rounded(uint32_t birth, uint32_t now, uint32_t steps)
{
  uint32_t age = dm_age(now, birth);
  if (birth == DM_BIRTH_OLDER || age >= DM_AGE_SLICES)
    return DM_BIRTH_OLDER;
  uint32_t step = 1;
  if (age >= 100)
    step = steps == 2 ? 100 : steps == 1 ? 10 : 1;
  else if (age >= 10)
    step = steps == 2 ? 10 : 1;
  return birth < step ? 1 : birth - birth % step;
}

/* Adds what PLACE holds to ROW. A signal handler may count here meanwhile: each
   figure is taken out in one instruction. */
static void
move(struct dm_birth *place, struct dm_row *row)
{
  dm_row_add(row, __atomic_exchange_n(&place->live.count, 0, __ATOMIC_RELAXED),
             __atomic_exchange_n(&place->live.bytes, 0, __ATOMIC_RELAXED));
}

/* Lets births that are told together join in TABLE, as far as it has room. */
static void
join_births(struct dm_birth_table *table, uint32_t now, uint32_t steps)
{
  for (uint64_t i = 0; i < table->capacity; i++)
  {
    struct dm_birth *place = &table->place[i];
    if (is_empty(place))
      continue;
    uint32_t birth = (uint32_t) place->key;
    uint64_t key = place->key - birth + rounded(birth, now, steps);
    struct dm_row *row = key == place->key ? NULL : take(table, key);
    if (row)
      move(place, row);
  }
}

/* Moves what FROM holds into the current table. No place taken, says FROM then:
   a reader need not look at them. */
static void
move_all(struct dm_births *births, struct dm_birth_table *from)
{
  for (uint64_t i = 0; i < from->capacity; i++)
  {
    struct dm_birth *place = &from->place[i];
    if (is_empty(place))
      continue;
    struct dm_row *row = take(births->current, place->key);
    move(place, row ? row : &births->spill);
  }
  __atomic_store_n(&from->used, 0, __ATOMIC_RELAXED);
}

static uint64_t
count_filled(const struct dm_birth_table *table)
{
  uint64_t filled = 0;
  for (uint64_t i = 0; i < table->capacity; i++)
    filled += !is_empty(&table->place[i]);
  return filled;
}

/* An empty table with room for twice FILLED: the one that was replaced last
   time if it has that. One is made only when that is too small, and is kept in
   its stead: so the two that are kept never get smaller. NULL without
   memory. */
static struct dm_birth_table *
empty_table(struct dm_births *births, uint64_t filled)
{
  uint64_t capacity = SMALLEST;
  while (capacity < 2 * filled)
    capacity *= 2;
  struct dm_birth_table *former = births->current->former;
  if (!former || former->capacity < capacity)
    return make_table(capacity);
  /* Its rows were emptied by the move; one word at a time, for a reader may
     still be in it. */
  for (uint64_t i = 0; i < former->capacity; i++)
    __atomic_store_n(&former->place[i].key, 0, __ATOMIC_RELAXED);
  return former;
}

/* Puts a table without empty places and with room in place of the current one.
   Returns whether there is a new one now. */
static bool
look_through(struct dm_births *births, uint32_t now)
{
  /* By a signal handler in the middle of it: not now. */
  if (births->moving_since && now - births->moving_since < STALE)
    return false;
  births->moving_since = now;
  __atomic_store_n(&births->sequence, births->sequence | 1, __ATOMIC_SEQ_CST);
  /* What a move that was left half done, or an addition that was interrupted
     by one, has left behind. */
  struct dm_birth_table *old = births->current;
  if (old->former)
    move_all(births, old->former);
  join_births(old, now, births->steps);
  uint64_t filled = count_filled(old);
  if (filled > DM_BIRTHS_FINE && births->steps < 2)
    births->steps++;
  else if (filled < DM_BIRTHS_FINE / 8 && births->steps > 0)
    births->steps--;
  struct dm_birth_table *fresh = empty_table(births, filled);
  if (fresh)
  {
    /* Both are there from one store on, each once. Release: pairs with the
       acquire of tables_of. */
    __atomic_store_n(&fresh->former, old, __ATOMIC_RELEASE);
    __atomic_store_n(&births->current, fresh, __ATOMIC_RELEASE);
    move_all(births, old);
  }
  else
  {
    /* Try again, but not each time. */
    old->limit += old->capacity / 16;
  }
  __atomic_store_n(&births->sequence, births->sequence + 1, __ATOMIC_RELEASE);
  births->moving_since = 0;
  return fresh != NULL;
}

static struct dm_birth_table *
current_table(const struct dm_births *births)
{
  return __atomic_load_n(&births->current, __ATOMIC_RELAXED);
}

/* Where blocks of CALLSITE born in slice BIRTH are counted, in slice NOW, and
   in which TABLE that is. Never NULL. */
static struct dm_row *
find_row(struct dm_births *births, uint32_t callsite, uint32_t birth,
         uint32_t now, struct dm_birth_table **table)
{
  uint64_t key = key_of(callsite, birth);
  *table = current_table(births);
  struct dm_birth *place = search(*table, key);
  if (place && place->key == key)
    return &place->live;
  if (births->current->used >= births->current->limit)
    look_through(births, now);
  /* A place that a move found empty and dropped may be wanted again here. */
  key = key_of(callsite, rounded(birth, now, births->steps));
  *table = current_table(births);
  struct dm_row *row = take(*table, key);
  return row ? row : &births->spill;
}

void
dm_births_add(struct dm_births *births, uint32_t callsite, uint32_t birth,
              uint32_t now, uint64_t count, uint64_t bytes)
{
  struct dm_birth_table *table;
  dm_row_add(find_row(births, callsite, birth, now, &table), count, bytes);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  /* A handler that replaced the table has moved all out of it, perhaps before
     this was added: then it is not empty any more. */
  if (current_table(births) != table)
    dm_counter_add(&table->used, 1);
}

static struct dm_row
read_row(const struct dm_row *row)
{
  return (struct dm_row){dm_counter_read(&row->count),
                         dm_counter_read(&row->bytes)};
}

/* The tables to read, the second NULL when there is one. */
struct tables
{
  const struct dm_birth_table *table[2];
};

static struct tables
tables_of(const struct dm_births *births)
{
  const struct dm_birth_table *current =
      __atomic_load_n(&births->current, __ATOMIC_ACQUIRE);
  struct tables tables = {
      {current, __atomic_load_n(&current->former, __ATOMIC_ACQUIRE)}};
  if (tables.table[1] && dm_counter_read(&tables.table[1]->used) == 0)
    tables.table[1] = NULL;
  return tables;
}

struct dm_row
dm_births_look(const struct dm_births *births, uint32_t callsite,
               uint32_t birth)
{
  struct dm_row sum = {0, 0};
  struct tables tables = tables_of(births);
  for (unsigned i = 0; i < 2 && tables.table[i]; i++)
  {
    uint64_t key = key_of(callsite, birth);
    const struct dm_birth *place = search(tables.table[i], key);
    if (!place || dm_counter_read(&place->key) != key)
      continue;
    struct dm_row row = read_row(&place->live);
    sum.count += row.count;
    sum.bytes += row.bytes;
  }
  return sum;
}

void
dm_births_visit(const struct dm_births *births,
                void (*see)(void *arg, uint32_t callsite, uint32_t birth,
                            struct dm_row live),
                void *arg)
{
  struct tables tables = tables_of(births);
  for (unsigned i = 0; i < 2 && tables.table[i]; i++)
    for (uint64_t j = 0; j < tables.table[i]->capacity; j++)
    {
      const struct dm_birth *place = &tables.table[i]->place[j];
      struct dm_row row = read_row(&place->live);
      uint64_t key = dm_counter_read(&place->key);
      if (row.count != 0 || row.bytes != 0)
        see(arg, (uint32_t) (key >> 32) & INT32_MAX, (uint32_t) key, row);
    }
  struct dm_row spill = read_row(&births->spill);
  if (spill.count != 0 || spill.bytes != 0)
    see(arg, 0, DM_BIRTH_OLDER, spill);
}

uint32_t
dm_births_sequence(const struct dm_births *births)
{
  return __atomic_load_n(&births->sequence, __ATOMIC_ACQUIRE);
}
