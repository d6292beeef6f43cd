/* heap_model.h -- blocks of one callsite that are born and die, second by
   second, and the figures that the books would give of them. */

#ifndef HEAP_MODEL_H
#define HEAP_MODEL_H

#include <stdbool.h>

#include "dump/snapshot.h"

enum
{
  MODEL_SECONDS = 3 * 86400
};

/* What is true just now. */
enum truth
{
  TRUTH_FILLING, /* old blocks accumulate, for now or for good:
                    nobody can tell */
  TRUTH_LEAK,
  TRUTH_PLATEAU,
  TRUTH_STARTUP,
  TRUTH_CHURN,
  TRUTHS
};

struct dying;

struct model
{
  uint32_t now; /* the slice, 1 in the first second */
  unsigned long random;
  bool varied; /* parameters are drawn, not in the middle */
  enum truth truth;
  uint32_t since;    /* when the truth became what it is */
  uint32_t patience; /* how long a leak may go unseen; 0: 600 s */

  /* For the histories: what they drew, what they remember. */
  double p[8];
  double debt[4];
  long state[4];

  struct dm_callsite_figures figures;
  uint32_t last;        /* nothing is known of a slice after it */
  uint32_t generations; /* seconds of birth in the last 1000 s that
                           have live blocks */
  uint32_t oldest;      /* no block is born before it */
  int64_t count[MODEL_SECONDS], bytes[MODEL_SECONDS]; /* live, by birth */
  struct dying *due[MODEL_SECONDS];
};

/* Starts anew with SEED; 0: no parameter is varied. */
void model_reset(struct model *model, unsigned long seed);

/* The next second begins: what is due dies, what is live gets older. */
void model_tick(struct model *model);

/* Fills what is not kept up to date: generations. */
void model_figures(struct model *model);

/* COUNT blocks of SIZE bytes are born; LIFE seconds later they die, or never
   when it is 0. */
void model_born(struct model *model, int64_t count, int64_t size,
                uint32_t life);

/* Frees: the COUNT oldest blocks; COUNT blocks chosen at random; all that were
   born in slices FROM to TO. */
void model_free_oldest(struct model *model, int64_t count);
void model_free_random(struct model *model, int64_t count);
void model_free_born(struct model *model, uint32_t from, uint32_t to);

/* The one block born in slice BIRTH changes by BYTES in place; or moves and
   becomes SIZE bytes, born now. */
void model_resize(struct model *model, uint32_t birth, int64_t bytes);
void model_move(struct model *model, uint32_t birth, int64_t size);

/* A number between LOW and HIGH (their geometric mean when nothing is varied,
   else drawn on a logarithmic scale). */
double model_pick(struct model *model, double low, double high);

/* A random number between 0 and 1; a lifetime with mean MEAN. */
double model_uniform(struct model *model);
uint32_t model_life(struct model *model, double mean);

/* How many come in this second at RATE a second: evenly, counted in debt
   WHICH; or at random (Poisson). */
int64_t model_even(struct model *model, unsigned which, double rate);
int64_t model_poisson(struct model *model, double rate);

/* From now on TRUTH is true; nothing changes when it was before. */
void model_truth(struct model *model, enum truth truth);

#endif
