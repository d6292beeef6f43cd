/* reclaim_machine_thread.c -- a thread of the machine: A1 to A5. */

#include "reclaim_machine_thread.h"

#include <string.h>

/* --------------------------------------------------------------------------
   Memory. */

static int8_t
load(const struct machine *machine, const struct machine_thread *self,
     unsigned address)
{
  for (unsigned i = self->stored; i-- > 0;)
    if (self->buffer[i].address == address)
      return self->buffer[i].value;
  return machine->memory[address];
}

/* Returns false when the buffer is full. */
static bool
store(struct machine_thread *self, unsigned address, int value)
{
  unsigned stored = self->stored;
  if (stored == BUFFER)
    return false;
  self->buffer[stored].address = (uint8_t) address;
  self->buffer[stored].value = (int8_t) value;
  self->stored++;
  return true;
}

static bool
add(const struct machine *machine, struct machine_thread *self,
    unsigned address, int n)
{
  return store(self, address, load(machine, self, address) + n);
}

/* The oldest store of THREAD reaches memory. */
bool
machine_drain(struct machine *machine, struct machine_thread *self)
{
  unsigned stored = self->stored;
  if (stored == 0)
    return false;
  machine->memory[self->buffer[0].address] = self->buffer[0].value;
  memmove(&self->buffer[0], &self->buffer[1],
          (BUFFER - 1) * sizeof self->buffer[0]);
  memset(&self->buffer[BUFFER - 1], 0, sizeof self->buffer[0]);
  self->stored--;
  return true;
}

/* --------------------------------------------------------------------------
   A thread. */

enum
{
  LOOK, /* A1 */
  FIND, /* A2 */
  REVIVE,
  INSERT,
  STAMP, /* A3 */
  COUNT,
  LOOK_AGAIN, /* A4 */
  FIND_AGAIN,
  REVIVE_AGAIN,
  INSERT_AGAIN,
  COUNT_ANEW,
  TAKE_BACK,
  STAMP_ANEW,
  HAND_OUT, /* A5 */
  READ_STAMP,
  COUNT_FREE
};

bool
machine_is_allocation(char what)
{
  return what >= 'A';
}

/* The block that is allocated at PLACE of THREAD's script. */
static unsigned
block_at(const struct scenario *scenario, unsigned thread, unsigned place)
{
  unsigned block = 0;
  for (unsigned t = 0; t <= thread; t++)
    for (unsigned i = 0; scenario->threads[t][i]; i++)
      if (t < thread || i < place)
        block += machine_is_allocation(scenario->threads[t][i]);
  return block;
}

void
machine_begin_next(const struct scenario *scenario, struct machine_thread *self)
{
  char next = scenario->threads[self->id][self->place];
  self->step = machine_is_allocation(next) ? LOOK : READ_STAMP;
  self->generation = 0;
  self->number = 0;
  self->another = 0;
}

/* The entry of STACK that can be had, or 0. */
static unsigned
entry_of(const struct machine *machine, unsigned stack)
{
  for (unsigned i = 1; i <= NUMBERS; i++)
    if (machine->entry[i].stack == stack &&
        (machine->entry[i].state == LIVE ||
         machine->entry[i].state == WITHDRAWN))
      return i;
  return 0;
}

/* NUMBER was found for STACK: AGAIN says whether for the first or the second
   time. */
static bool
found(struct machine_thread *self, unsigned stack, unsigned number, bool again)
{
  uint8_t generation = self->generation;
  self->memo[stack].generation = generation + 1;
  self->memo[stack].number = (uint8_t) number;
  if (again)
    self->another = (uint8_t) number;
  else
    self->number = (uint8_t) number;
  bool same = number == self->number;
  self->step = !again ? STAMP : same ? LOOK_AGAIN : COUNT_ANEW;
  return true;
}

static bool
find(const struct machine *machine, struct machine_thread *self, unsigned stack,
     bool again, enum flaw flaw)
{
  uint8_t known = self->memo[stack].generation;
  uint8_t now = self->generation + 1;
  if (known && (known == now || flaw == OLD_MEMORIES))
    return found(self, stack, self->memo[stack].number, again);
  unsigned number = entry_of(machine, stack);
  if (number && (machine->entry[number].state == LIVE || flaw == NO_REVIVAL))
    return found(self, stack, number, again);
  self->step = number  ? again ? REVIVE_AGAIN : REVIVE
               : again ? INSERT_AGAIN
                       : INSERT;
  return true;
}

/* Locked: finds the entry of STACK, withdrawn, or begins anew. */
static bool
revive(struct machine *machine, struct machine_thread *self, unsigned stack,
       bool again)
{
  unsigned number = entry_of(machine, stack);
  if (self->stored)
    return false;
  self->step = again ? FIND_AGAIN : FIND;
  if (!number || machine->entry[number].state != WITHDRAWN)
    return true;
  machine->entry[number].state = LIVE;
  return found(self, stack, number, again);
}

/* Locked: makes an entry for STACK, unless there is one. */
static bool
insert(struct machine *machine, struct machine_thread *self, unsigned stack,
       bool again)
{
  unsigned number = 1;
  if (self->stored)
    return false;
  self->step = again ? FIND_AGAIN : FIND;
  if (entry_of(machine, stack))
    return true;
  while (number <= NUMBERS && machine->entry[number].state != FREE)
    number++;
  if (number > NUMBERS)
    return found(self, stack, 0, again);
  machine->entry[number].stack = (uint8_t) stack;
  machine->entry[number].state = LIVE;
  return found(self, stack, number, again);
}

static bool
look_again(const struct machine *machine, struct machine_thread *self,
           enum flaw flaw)
{
  uint8_t now = (uint8_t) load(machine, self, GENERATION);
  bool same = now == self->generation;
  self->generation = now;
  self->step = same || flaw == NO_SECOND_LOOK ? HAND_OUT : FIND_AGAIN;
  return true;
}

/* Stores or adds, and goes on at STEP. */
static bool
then(struct machine_thread *self, bool done, unsigned step)
{
  if (done)
    self->step = (uint8_t) step;
  return done;
}

static bool
end_operation(const struct scenario *scenario, struct machine_thread *self,
              bool done)
{
  if (!done)
    return false;
  self->place++;
  machine_begin_next(scenario, self);
  return true;
}

static bool
step_free(struct machine *machine, const struct scenario *scenario,
          struct machine_thread *self, unsigned block)
{
  if (self->step == COUNT_FREE)
  {
    unsigned counter = frees_of(self->id, self->number);
    return end_operation(scenario, self, add(machine, self, counter, 1));
  }
  if (!load(machine, self, HANDED_OUT + block))
    return false;
  self->number = (uint8_t) load(machine, self, STAMPS + block);
  machine->gone[block] = true;
  self->step = COUNT_FREE;
  return true;
}

static bool
step_alloc(struct machine *m, const struct scenario *scenario,
           struct machine_thread *self, unsigned stack, enum flaw flaw)
{
  unsigned block = block_at(scenario, self->id, self->place);
  unsigned number = self->number;
  unsigned another = self->another;
  switch (self->step)
  {
  case LOOK:
    self->generation = (uint8_t) load(m, self, GENERATION);
    return then(self, true, FIND);
  case FIND:
  case FIND_AGAIN:
    return find(m, self, stack, self->step == FIND_AGAIN, flaw);
  case REVIVE:
  case REVIVE_AGAIN:
    return revive(m, self, stack, self->step == REVIVE_AGAIN);
  case INSERT:
  case INSERT_AGAIN:
    return insert(m, self, stack, self->step == INSERT_AGAIN);
  case STAMP:
    return then(self, store(self, STAMPS + block, (int) number), COUNT);
  case COUNT:
    return then(self, add(m, self, allocations_of(self->id, number), 1),
                LOOK_AGAIN);
  case LOOK_AGAIN:
    return look_again(m, self, flaw);
  case COUNT_ANEW:
    return then(self, add(m, self, allocations_of(self->id, another), 1),
                TAKE_BACK);
  case TAKE_BACK:
    return then(self,
                flaw == NO_TAKING_BACK ||
                    add(m, self, allocations_of(self->id, number), -1),
                STAMP_ANEW);
  case STAMP_ANEW:
    self->number = (uint8_t) another;
    return then(self, store(self, STAMPS + block, (int) another), LOOK_AGAIN);
  default:
    return end_operation(scenario, self, store(self, HANDED_OUT + block, 1));
  }
}

bool
machine_step_thread(struct machine *machine, const struct scenario *scenario,
                    struct machine_thread *self, enum flaw flaw)
{
  char what = scenario->threads[self->id][self->place];
  if (machine_is_allocation(what))
    return step_alloc(machine, scenario, self, what - 'A' + 1u, flaw);
  return what && step_free(machine, scenario, self, what - '0');
}
