/* reclaim_machine.h -- the protocol of callsites_reclaim.c as a machine that
   makes one step at a time.

   Two threads that allocate and free by the steps A1 to A5, and a reclaimer
   that does R1 to R6, on a machine of the x86-TSO kind: what a thread stores
   goes into its store buffer, and from there at any later time, in order, to
   memory; it sees its own stores at once. A locked instruction waits until its
   thread's buffer is empty. The reclaimer's barrier empties the buffer of one
   thread after another.

   Chains are left out: finding a stack's entry and putting in a new one are one
   step each, which is what the version in a chain's head makes of them. */

#ifndef DM_TESTS_UNIT_RECLAIM_MACHINE_H
#define DM_TESTS_UNIT_RECLAIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum
{
  THREADS = 2,
  STACKS = 2,  /* 1 and 2 */
  NUMBERS = 2, /* 1 and 2; 0 is (other) */
  BLOCKS = 4,
  BUFFER = 8 /* stores */
};

/* What can be left out of the protocol, to see that the model misses it. */
enum flaw
{
  FLAWLESS,
  NO_BARRIER,     /* R3 */
  NO_SECOND_LOOK, /* A4 */
  NO_GENERATION,  /* R2 */
  OLD_MEMORIES,   /* what is remembered holds in every generation */
  NO_REVIVAL,     /* A2 takes a withdrawn number as it is */
  NO_COMPARISON,  /* R5 makes a number dead that is live again */
  NO_SUM,         /* R4, R5: withdrawn is dead */
  NO_TAKING_BACK, /* A4 stamps anew, and leaves the count */
  FLAWS
};

/* What a thread does, one after another: up to 0. A letter allocates: a stack's
   name, 'A' or 'B'. A digit frees the block that was the program's allocation
   of that number, by whichever thread, once it has been handed out. */
struct scenario
{
  const char *threads[THREADS];
  unsigned rounds; /* of the reclaimer */
};

struct machine_thread
{
  uint8_t id;
  uint8_t place, step;                 /* in the script, in the protocol */
  uint8_t generation, number, another; /* registers */
  struct
  {
    uint8_t generation, number; /* generation + 1; 0: nothing */
  } memo[STACKS + 1];           /* by stack */
  uint8_t stored;
  struct
  {
    uint8_t address;
    int8_t value;
  } buffer[BUFFER]; /* the oldest first */
};

/* Bytes only: two machines are the same when their bytes are. */
struct machine
{
  int8_t memory[1 + 2 * THREADS * (NUMBERS + 1) + 2 * BLOCKS];
  struct
  {
    uint8_t stack, state;
  } entry[NUMBERS + 1];
  struct machine_thread thread[THREADS];
  struct
  {
    uint8_t round, step, number, done; /* DONE: threads, as bits */
    int8_t allocations, frees;
    int8_t base[NUMBERS + 1], reclaimed[STACKS + 1];
  } reclaimer;
  bool gone[BLOCKS];
};

/* The machine before the first step. */
void machine_start(struct machine *machine, const struct scenario *scenario);

/* Makes one of the steps that may be possible now, by CHOICE: of a thread, of a
   store buffer, of the reclaimer. Returns false when that one is not; then
   MACHINE is of no use any more. */
enum
{
  MACHINE_CHOICES = 2 * THREADS + 2
};
bool machine_step(struct machine *machine, const struct scenario *scenario,
                  enum flaw flaw, unsigned choice);

/* What is wrong with a machine that can make no step, or NULL. */
const char *machine_verdict(const struct machine *machine,
                            const struct scenario *scenario);

#endif
