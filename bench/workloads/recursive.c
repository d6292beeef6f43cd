/* recursive.c -- recursion over set covers, as a logic minimizer does it.

   A cover is a list of cubes; a cube says for each of up to 32 variables
   whether it must be 0, must be 1 or may be both.  The complement of a cover
   is found by the unate recursive paradigm (Brayton and others, "Logic
   Minimization Algorithms for VLSI Synthesis", 1984): split by the variable
   that most cubes care about, complement both halves, merge.  Each level has
   two calls, so the blocks come from tens of thousands of different stacks.  */

#include "workload.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ZERO and ONE: a bit for each variable that may be 0, may be 1.  */
struct cube
{
  uint32_t zero, one;
  struct cube *next;
};

struct cover
{
  struct cube *first;
  long size;
};

static long rounds = 12, covers = 100, variables = 16, cubes = 24;
static long made;

static const struct dm_option options[] = {
    {"rounds", &rounds, "times to do it all"},
    {"covers", &covers, "covers to complement"},
    {"variables", &variables, "variables of a cover, at most 32"},
    {"cubes", &cubes, "cubes of a cover"},
    {NULL, NULL, NULL}};

static void
add(struct cover *cover, uint32_t zero, uint32_t one)
{
  struct cube *cube = malloc(sizeof *cube);
  *cube = (struct cube){zero, one, cover->first};
  cover->first = cube;
  cover->size++;
  made++;
}

static struct cover *
empty_cover(void)
{
  made++;
  return calloc(1, sizeof(struct cover));
}

static void
drop(struct cover *cover)
{
  for (struct cube *cube = cover->first, *next; cube != NULL; cube = next)
  {
    next = cube->next;
    free(cube);
  }
  free(cover);
}

/* The part of COVER where the variable of BIT is VALUE; that variable may be
   both in the result.  */
static __attribute__((noinline)) struct cover *
cofactor(const struct cover *cover, uint32_t bit, bool value)
{
  struct cover *part = empty_cover();
  for (const struct cube *cube = cover->first; cube; cube = cube->next)
    if ((value ? cube->one : cube->zero) & bit)
      add(part, cube->zero | bit, cube->one | bit);
  return part;
}

/* The variable that is neither free in all cubes nor rare, as a bit: the one
   that most cubes care about; 0 when none does.  */
static uint32_t
split_variable(const struct cover *cover)
{
  int counts[32] = {0}, best = 0;
  uint32_t found = 0;
  for (const struct cube *cube = cover->first; cube; cube = cube->next)
    for (uint32_t care = ~(cube->zero & cube->one); care; care &= care - 1)
      counts[__builtin_ctz(care)]++;
  for (int v = 0; v < variables; v++)
    if (counts[v] > best)
    {
      best = counts[v];
      found = 1u << v;
    }
  return found;
}

/* Move the cubes of HALF to RESULT, narrowed to BIT's VALUE; a cube that both
   halves have is put in once, without narrowing.  */
static __attribute__((noinline)) void
merge(struct cover *result, struct cover *half, struct cover *other,
      uint32_t bit, bool value)
{
  for (const struct cube *cube = half->first; cube; cube = cube->next)
  {
    const struct cube *twin = other->first;
    while (twin && (twin->zero != cube->zero || twin->one != cube->one))
      twin = twin->next;
    if (twin == NULL)
      add(result, value ? cube->zero & ~bit : cube->zero,
          value ? cube->one : cube->one & ~bit);
    else if (value)
      add(result, cube->zero, cube->one);
  }
}

/* What a cover of one cube leaves out: one cube for each variable that it
   cares about (De Morgan).  */
static __attribute__((noinline)) void
complement_cube(struct cover *result, const struct cube *cube, uint32_t all)
{
  for (uint32_t care = all & ~(cube->zero & cube->one); care; care &= care - 1)
  {
    uint32_t bit = care & -care;
    add(result, cube->one & bit ? all : all & ~bit,
        cube->one & bit ? all & ~bit : all);
  }
}

static __attribute__((noinline)) struct cover *
complement(const struct cover *cover, uint32_t all)
{
  struct cover *result = empty_cover();
  if (cover->first == NULL)
  {
    add(result, all, all);
    return result;
  }
  if (cover->size == 1)
  {
    complement_cube(result, cover->first, all);
    return result;
  }
  for (const struct cube *cube = cover->first; cube; cube = cube->next)
    if ((cube->zero & cube->one & all) == all)
      return result;
  uint32_t bit = split_variable(cover);
  struct cover *part = cofactor(cover, bit, false);
  struct cover *low = complement(part, all);
  drop(part);
  part = cofactor(cover, bit, true);
  struct cover *high = complement(part, all);
  drop(part);
  merge(result, low, high, bit, false);
  merge(result, high, low, bit, true);
  drop(low);
  drop(high);
  return result;
}

/* Cubes that care about three in eight variables each.  */
static struct cover *
random_cover(uint64_t *random, uint32_t all)
{
  struct cover *cover = empty_cover();
  for (long i = 0; i < cubes; i++)
  {
    uint64_t word = dm_workload_random(random);
    uint32_t care = (uint32_t) (word & (word >> 9 | word >> 17)) & all;
    uint32_t value = (uint32_t) (word >> 32);
    add(cover, all & ~(care & value), all & ~(care & ~value));
  }
  return cover;
}

int
main(int argc, char **argv)
{
  dm_workload_options(argc, argv, options);
  if (variables < 1 || variables > 32)
    return 2;
  uint32_t all = (uint32_t) ((1ull << variables) - 1);
  struct dm_clock start = dm_workload_now();
  long left = 0;
  uint64_t random = 0;
  for (long i = 0; i < covers * rounds; i++)
  {
    if (i % covers == 0)
      random = 88172645463325252ull;
    struct cover *cover = random_cover(&random, all);
    struct cover *rest = complement(cover, all);
    left += rest->size;
    drop(cover);
    drop(rest);
  }
  printf("%ld cubes in the complements\n", left);
  dm_workload_report("recursive", made, start);
  return 0;
}
