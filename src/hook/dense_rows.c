/* dense_rows.c -- the rules of functions that have very many rows. */

#include "hook/dense_rows.h"

#include <stdatomic.h>

#include "base/arena.h"

/* A row's word: how many bytes behind the page's first it begins, above the
   number of its rule. */
enum
{
  RULE_BITS = 5,
  RULES = 1 << RULE_BITS,
  FARTHEST = (1 << (32 - RULE_BITS)) - 1
};

struct head
{
  struct dm_dense_page *next; /* in the list of all that can be found */
  uintptr_t start;
  _Atomic uintptr_t end; /* 0: its module is gone */
  uint32_t rows, rules;
};

enum
{
  ROWS = (DM_DENSE_PAGE - sizeof(struct head) - RULES * 2 * sizeof(uint64_t)) /
         sizeof(uint32_t)
};

struct dm_dense_page
{
  struct head head;
  uint64_t look[RULES];
  dm_rule rule[RULES];
  uint32_t row[ROWS]; /* in ascending order */
};

_Static_assert(sizeof(struct dm_dense_page) == DM_DENSE_PAGE, "one page");

static _Atomic(struct dm_dense_page *) first;
static _Atomic unsigned pages;

/* The number of the rule that LOOK has in PAGE; that of none of them when there
   is none. */
static unsigned
number_of(const struct dm_dense_page *page, uint64_t look)
{
  unsigned i = 0;
  while (i < page->head.rules && page->look[i] != look)
    i++;
  return i;
}

dm_rule
dm_dense_like(const struct dm_dense_writer *writer, uint64_t look)
{
  if (!writer->page)
    return DM_RULE_UNKNOWN;
  unsigned number = number_of(writer->page, look);
  return number < writer->page->head.rules ? writer->page->rule[number]
                                           : DM_RULE_UNKNOWN;
}

void
dm_dense_end(struct dm_dense_writer *writer)
{
  struct dm_dense_page *page = writer->page;
  writer->page = NULL;
  if (!page)
    return;
  page->head.next = atomic_load_explicit(&first, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&first, &page->head.next, page,
                                                memory_order_release,
                                                memory_order_relaxed))
    ;
}

/* Whether PAGE has room for one more row, which begins at START and has the rule
   NUMBER. */
static bool
has_room(const struct dm_dense_page *page, uintptr_t start, unsigned number)
{
  return page->head.rows < ROWS && number < RULES &&
         start - page->head.start <= FARTHEST;
}

/* Gives WRITER another page, for rows from START on. */
static bool
turn_page(struct dm_dense_writer *writer, uintptr_t start)
{
  dm_dense_end(writer);
  if (atomic_fetch_add_explicit(&pages, 1, memory_order_relaxed) <
      DM_DENSE_PAGES)
    writer->page = dm_arena_alloc(DM_DENSE_PAGE, DM_DENSE_PAGE);
  else
    atomic_fetch_sub_explicit(&pages, 1, memory_order_relaxed);
  if (!writer->page)
    return false;
  writer->page->head.start = start;
  return true;
}

bool
dm_dense_add(struct dm_dense_writer *writer, struct dm_code code, uint64_t look,
             dm_rule rule)
{
  unsigned number = writer->page ? number_of(writer->page, look) : 0;
  if (!writer->page || !has_room(writer->page, code.start, number))
  {
    if (!turn_page(writer, code.start))
      return false;
    number = 0;
  }
  struct dm_dense_page *page = writer->page;
  struct head *head = &page->head;
  if (number == head->rules)
  {
    page->look[number] = look;
    page->rule[number] = rule;
    head->rules++;
  }
  page->row[head->rows++] =
      (uint32_t) (code.start - head->start) << RULE_BITS | number;
  atomic_store_explicit(&head->end, code.end, memory_order_relaxed);
  return true;
}

/* The rule of the last row of PAGE that does not begin behind OFFSET. */
static dm_rule
search(const struct dm_dense_page *page, uintptr_t offset)
{
  unsigned low = 0, high = page->head.rows;
  while (high - low > 1)
  {
    unsigned middle = (low + high) / 2;
    if (page->row[middle] >> RULE_BITS <= offset)
      low = middle;
    else
      high = middle;
  }
  return page->rule[page->row[low] % RULES];
}

dm_rule
dm_dense_find(uintptr_t pc)
{
  for (const struct dm_dense_page *page =
           atomic_load_explicit(&first, memory_order_acquire);
       page; page = page->head.next)
    if (pc >= page->head.start &&
        pc < atomic_load_explicit(&page->head.end, memory_order_relaxed))
      return search(page, pc - page->head.start);
  return DM_RULE_UNKNOWN;
}

void
dm_dense_forget(unsigned module)
{
  for (struct dm_dense_page *page =
           atomic_load_explicit(&first, memory_order_acquire);
       page; page = page->head.next)
    if (dm_rule_module(page->rule[0]) == module)
      atomic_store_explicit(&page->head.end, 0, memory_order_relaxed);
}
