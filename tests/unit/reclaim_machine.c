/* reclaim_machine.c -- the protocol of callsites_reclaim.c, step by step. */

#include "reclaim_machine_thread.h"

#include <string.h>

/* --------------------------------------------------------------------------
   The reclaimer. Its stores are locked: it has no buffer. */

enum
{
  WITHDRAW,
  RAISE,
  BARRIER,
  SUM_FREES,
  SUM_ALLOCATIONS,
  DECIDE,
  REMOVE
};

/* One step for each thread that is not done yet; WHICH chooses. Returns the
   thread, or -1. */
static int
next_thread(struct machine *machine, unsigned which, unsigned then_step)
{
  uint8_t *done = &machine->reclaimer.done;
  for (unsigned thread = 0; thread < THREADS; thread++)
    if (!(*done & 1 << thread) && which-- == 0)
    {
      *done |= (uint8_t) (1 << thread);
      if (*done == (1 << THREADS) - 1)
      {
        *done = 0;
        machine->reclaimer.step = (uint8_t) then_step;
      }
      return (int) thread;
    }
  return -1;
}

static bool
withdraw(struct machine *machine, const struct scenario *scenario,
         unsigned choice)
{
  if (machine->reclaimer.round == scenario->rounds)
    return false;
  for (unsigned i = 1; i <= NUMBERS; i++)
    if (machine->entry[i].state == LIVE && choice-- == 0)
    {
      machine->entry[i].state = WITHDRAWN;
      machine->reclaimer.number = (uint8_t) i;
      machine->reclaimer.allocations = machine->reclaimer.frees = 0;
      machine->reclaimer.step = RAISE;
      return true;
    }
  return false;
}

static bool
end_round(struct machine *machine)
{
  machine->reclaimer.round++;
  machine->reclaimer.step = WITHDRAW;
  machine->reclaimer.number = 0;
  machine->reclaimer.allocations = machine->reclaimer.frees = 0;
  return true;
}

static bool
decide(struct machine *machine, enum flaw flaw)
{
  unsigned number = machine->reclaimer.number;
  int8_t sum = machine->reclaimer.allocations;
  bool equal = sum == machine->reclaimer.frees || flaw == NO_SUM;
  bool withdrawn = machine->entry[number].state == WITHDRAWN;
  if (equal && (withdrawn || flaw == NO_COMPARISON))
  {
    machine->entry[number].state = DEAD;
    machine->reclaimer.reclaimed[machine->entry[number].stack] +=
        sum - machine->reclaimer.base[number];
    machine->reclaimer.base[number] = sum;
    machine->reclaimer.step = REMOVE;
    return true;
  }
  if (withdrawn)
    machine->entry[number].state = LIVE;
  return end_round(machine);
}

static bool
step_reclaimer(struct machine *machine, const struct scenario *scenario,
               enum flaw flaw, unsigned choice)
{
  unsigned number = machine->reclaimer.number;
  int thread;
  switch (machine->reclaimer.step)
  {
  case WITHDRAW:
    return withdraw(machine, scenario, choice);
  case RAISE:
    machine->memory[GENERATION] += flaw != NO_GENERATION;
    machine->reclaimer.step = flaw == NO_BARRIER ? SUM_FREES : BARRIER;
    return choice == 0;
  case BARRIER:
    thread = next_thread(machine, choice, SUM_FREES);
    while (thread >= 0 && machine_drain(machine, &machine->thread[thread]))
      ;
    return thread >= 0;
  case SUM_FREES:
    thread = next_thread(machine, choice, SUM_ALLOCATIONS);
    if (thread >= 0)
      machine->reclaimer.frees +=
          machine->memory[frees_of((unsigned) thread, number)];
    return thread >= 0;
  case SUM_ALLOCATIONS:
    thread = next_thread(machine, choice, DECIDE);
    if (thread >= 0)
      machine->reclaimer.allocations +=
          machine->memory[allocations_of((unsigned) thread, number)];
    return thread >= 0;
  case DECIDE:
    return decide(machine, flaw) && choice == 0;
  default:
    machine->entry[number].state = FREE;
    machine->entry[number].stack = 0;
    return end_round(machine) && choice == 0;
  }
}

/* --------------------------------------------------------------------------
   The whole. */

void
machine_start(struct machine *machine, const struct scenario *scenario)
{
  memset(machine, 0, sizeof *machine);
  for (uint8_t i = 0; i < THREADS; i++)
  {
    machine->thread[i].id = i;
    machine_begin_next(scenario, &machine->thread[i]);
  }
}

bool
machine_step(struct machine *machine, const struct scenario *scenario,
             enum flaw flaw, unsigned choice)
{
  if (choice >= 2 * THREADS)
    return step_reclaimer(machine, scenario, flaw, choice - 2 * THREADS);
  struct machine_thread *self = &machine->thread[choice / 2];
  return choice % 2 ? machine_drain(machine, self)
                    : machine_step_thread(machine, scenario, self, flaw);
}

/* What was counted for NUMBER: allocations, or live blocks. */
static int
sum(const struct machine *machine, unsigned number, bool live)
{
  int sum = 0;
  for (unsigned i = 0; i < THREADS; i++)
  {
    sum += machine->memory[allocations_of(i, number)];
    sum -= live ? machine->memory[frees_of(i, number)] : 0;
  }
  return sum;
}

/* Blocks by stack, and live ones by the number in their stamp. */
struct truth
{
  int allocations[STACKS + 1];
  int live[NUMBERS + 1];
};

/* Returns what is wrong with a stamp. */
static const char *
look_at_blocks(const struct machine *machine, const struct scenario *scenario,
               struct truth *truth)
{
  unsigned block = 0;
  for (unsigned thread = 0; thread < THREADS; thread++)
    for (const char *what = scenario->threads[thread]; *what; what++)
      if (machine_is_allocation(*what))
      {
        unsigned stack = *what - 'A' + 1u;
        unsigned number = (unsigned) machine->memory[STAMPS + block];
        truth->allocations[stack]++;
        if (machine->gone[block++])
          continue;
        truth->live[number]++;
        if (number && (machine->entry[number].state != LIVE ||
                       machine->entry[number].stack != stack))
          return "a block's number is not its stack's";
      }
  return NULL;
}

const char *
machine_verdict(const struct machine *machine, const struct scenario *scenario)
{
  struct truth truth = {{0}, {0}};
  for (unsigned i = 0; i < THREADS; i++)
    if (scenario->threads[i][machine->thread[i].place])
      return "a thread is stuck";
  const char *wrong = look_at_blocks(machine, scenario, &truth);
  if (wrong)
    return wrong;
  int all = sum(machine, 0, false);
  for (unsigned i = 0; i <= NUMBERS; i++)
    if (sum(machine, i, true) != truth.live[i])
      return "a callsite's live blocks are not those that carry its number";
  int by_stack[STACKS + 1] = {0};
  for (unsigned i = 1; i <= NUMBERS; i++)
  {
    int own = sum(machine, i, false) - machine->reclaimer.base[i];
    if (machine->entry[i].state != LIVE && own != 0)
      return "a free number counts";
    by_stack[machine->entry[i].stack] += own;
  }
  for (unsigned i = 1; i <= STACKS; i++)
  {
    int counted = by_stack[i] + machine->reclaimer.reclaimed[i];
    if (counted > truth.allocations[i])
      return "a stack counts another's allocations";
    all += counted - truth.allocations[i];
  }
  if (all != 0)
    return "a count is lost";
  return machine->entry[1].stack == machine->entry[2].stack &&
                 machine->entry[1].stack
             ? "a stack has two numbers"
             : NULL;
}
