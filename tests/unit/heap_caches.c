/* heap_caches.c -- caches: they fill, and then they hold. */

#include "heap_histories.h"

/* 100 s until the last blocks are old, and the rest to see that no more
   come. */
enum
{
  REST = 500
};

void
heap_calm_after(struct model *model, double full)
{
  model_truth(model, model->now > full + REST ? TRUTH_PLATEAU : TRUTH_FILLING);
}

/* The cache holds CAPACITY; RATE new ones a second drive the oldest out. */
static void
lru(struct model *model, double rate, double capacity, int64_t size)
{
  int64_t count = model_poisson(model, rate);
  model_born(model, count, size, 0);
  int64_t over = model->figures.live.count - (int64_t) capacity;
  if (over > 0 && model->state[0] == 0)
    model->state[0] = model->now;
  model_free_oldest(model, over);
  heap_calm_after(model, model->state[0] ? (double) model->state[0] : 1e9);
}

static void
lru_cache(struct model *model)
{
  DRAW(0, 0.2, 100);
  DRAW(1, 200, 9000); /* seconds until it is full */
  lru(model, model->p[0], model->p[0] * model->p[1], 100);
}

static void
cache_of_all_sizes(struct model *model)
{
  DRAW(0, 0.2, 20);
  DRAW(1, 200, 5000);
  lru(model, model->p[0], model->p[0] * model->p[1],
      (int64_t) model_life(model, 5000));
}

/* Any of the entries goes. */
static void
cache_at_random(struct model *model)
{
  DRAW(0, 0.2, 3);
  DRAW(1, 200, 3000);
  int64_t capacity = (int64_t) (model->p[0] * model->p[1]);
  model_born(model, model_poisson(model, model->p[0]), 100, 0);
  model_free_random(model, model->figures.live.count - capacity);
  /* What is old comes to rest after some times the lifetime. */
  heap_calm_after(model, 5 * model->p[1]);
}

/* Full twice: its capacity is doubled in the third hour. */
static void
cache_made_larger(struct model *model)
{
  DRAW(0, 1, 20);
  DRAW(1, 300, 2000);
  double capacity = model->p[0] * model->p[1];
  if (model->now == 9000)
    model->state[0] = 0;
  lru(model, model->p[0], model->now < 9000 ? capacity : 2 * capacity, 100);
}

/* Emptied at once every two hours. */
static void
cache_flushed(struct model *model)
{
  DRAW(0, 1, 20);
  DRAW(1, 300, 5000);
  double capacity = model->p[0] * model->p[1];
  if (model->now % 7200 == 0)
    model_free_born(model, 1, model->now);
  lru(model, model->p[0], capacity, 100);
}

static void
ttl_cache(struct model *model, double life)
{
  DRAW(0, 0.1, 100);
  model_born(model, model_poisson(model, model->p[0]), 100, (uint32_t) life);
  heap_calm_after(model, life);
}

static void
ttl_300(struct model *model)
{
  ttl_cache(model, 300);
}

static void
ttl_2000(struct model *model)
{
  ttl_cache(model, 2000);
}

static void
ttl_any(struct model *model)
{
  DRAW(1, 90, 4000);
  ttl_cache(model, model->p[1]);
}

const struct heap_history heap_caches[] = {
    {"LRU cache", 14400, lru_cache},
    {"LRU cache of all sizes", 10800, cache_of_all_sizes},
    {"cache with random victims", 18000, cache_at_random},
    {"cache made larger", 18000, cache_made_larger},
    {"cache flushed now and then", 43200, cache_flushed},
    {"cache for 300 s", 7200, ttl_300},
    {"cache for 2,000 s", 14400, ttl_2000},
    {"cache for any time", 14400, ttl_any},
    {NULL, 0, NULL},
};
