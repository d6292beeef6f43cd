/* heap_plateaus.c -- callsites that hold much and do not leak, but for caches.
 */

#include <math.h>

#include "heap_histories.h"

/* As many as were ever wanted at once: the demand is random. */
static void
pool(struct model *model)
{
  DRAW(0, 20, 2000);
  double demand = model->p[0];
  for (unsigned i = 0; i < 4; i++)
    demand += sqrt(model->p[0]) * (model_uniform(model) - 0.5);
  model_born(model, (int64_t) demand - model->figures.live.count, 4096, 0);
  heap_calm_after(model, 3600);
}

/* It fills slowly, and once. */
static void
pool_on_demand(struct model *model)
{
  DRAW(0, 100, 10000);
  DRAW(1, 100, 3000);
  if (model->now <= model->p[1])
    model_born(model, model_even(model, 0, model->p[0] / model->p[1]), 512, 0);
  heap_calm_after(model, model->p[1]);
}

/* A table of names: at first all are new, at last none. */
static void
names(struct model *model)
{
  DRAW(0, 100, 10000);
  DRAW(1, 60, 600);
  double left = model->p[0] * exp(-(double) model->now / model->p[1]);
  model_born(model, model_poisson(model, left / model->p[1]), 40, 0);
  heap_calm_after(model, model->p[1] * (3 + log(model->p[0])));
}

static void
sessions_of(struct model *model, double rate, double life)
{
  /* Until those of 1000 s are as many as there will be. */
  double full = 1000 + 4 * life;
  for (int64_t i = model_poisson(model, rate); i > 0; i--)
    model_born(model, 1, 3000, model_life(model, life));
  heap_calm_after(model, full);
}

static void
sessions(struct model *model)
{
  DRAW(0, 0.5, 10);
  DRAW(1, 60, 2000);
  sessions_of(model, model->p[0], model->p[1]);
}

static void
few_sessions(struct model *model)
{
  DRAW(0, 0.003, 0.1);
  DRAW(1, 200, 2000);
  sessions_of(model, model->p[0], model->p[1]);
}

/* Two days, by day more than by night. */
static void
daily_wave(struct model *model)
{
  DRAW(0, 0.2, 4);
  DRAW(1, 100, 1800);
  DRAW(2, 0.3, 0.9);
  DRAW(3, 0.1, 6.28);
  double wave = sin(model->now * 6.283185 / 86400 + model->p[3]);
  sessions_of(model, model->p[0] * (1 + model->p[2] * wave), model->p[1]);
}

/* More and more of what does not stay. */
static void
traffic_grows(struct model *model)
{
  DRAW(0, 0.1, 1);
  DRAW(1, 110, 600);
  int64_t count = model_poisson(model, model->p[0] * (1 + model->now / 1200.0));
  model_born(model, count, 100, (uint32_t) model->p[1]);
  heap_calm_after(model, 1200 + 2 * model->p[1]);
}

/* All come to an end together, every PERIOD seconds; one period is for
   learning. */
static void
job(struct model *model, double period, double work, double rate)
{
  uint32_t at = model->now % (uint32_t) period;
  if (at < work)
    model_born(model, model_poisson(model, rate), 800, 0);
  if (at == (uint32_t) work)
    model_free_born(model, 1, model->now);
  heap_calm_after(model, period);
}

static void
batch_jobs(struct model *model)
{
  DRAW(0, 300, 5000);
  DRAW(1, 0.1, 0.8);
  DRAW(2, 0.5, 50);
  job(model, model->p[0], model->p[0] * model->p[1], model->p[2]);
}

static void
sawtooth(struct model *model)
{
  DRAW(0, 0.2, 50);
  job(model, 600, 599, model->p[0]);
}

/* Teeth of 5 to 15 minutes. */
static void
uneven_saw(struct model *model)
{
  DRAW(0, 0.5, 50);
  model_born(model, model_poisson(model, model->p[0]), 800, 0);
  if (model->now >= model->state[0])
  {
    model_free_born(model, 1, model->now);
    model->state[0] = model->now + 300 + (long) (600 * model_uniform(model));
  }
  heap_calm_after(model, 3600);
}

/* Two generations; the elder one goes when a new one begins. */
static void
generations(struct model *model)
{
  DRAW(0, 120, 2000);
  DRAW(1, 0.5, 20);
  uint32_t period = (uint32_t) model->p[0];
  model_born(model, model_poisson(model, model->p[1]), 100, 0);
  if (model->now % period == 0)
    model_free_born(model, 1, model->now > period ? model->now - period : 0);
  heap_calm_after(model, 2 * model->p[0]);
}

/* A new table is made, then the old one freed. */
static void
reloads(struct model *model)
{
  DRAW(0, 300, 4000);
  DRAW(1, 100, 10000);
  uint32_t period = (uint32_t) model->p[0];
  if (model->now % period == 1)
    model_born(model, (int64_t) model->p[1], 100, 0);
  if (model->now % period == 30 && model->now > period)
    model_free_born(model, 1, model->now - 30);
  heap_calm_after(model, 100);
}

/* A queue: its length wanders between bounds. */
static void
queue(struct model *model)
{
  DRAW(0, 1, 20);
  DRAW(1, 50, 5000);
  int64_t in = model_poisson(model, model->p[0]);
  int64_t out = model_poisson(model, model->p[0]);
  model_born(model, in, 300, 0);
  int64_t length = model->figures.live.count;
  if (length > model->p[1])
    out += length - (int64_t) model->p[1];
  model_free_oldest(model, out);
  heap_calm_after(model, 600);
}

static void
log_buffer(struct model *model)
{
  DRAW(0, 30, 1500);
  DRAW(1, 100, 10000);
  if (model->now == 1)
    model_born(model, 1, 4096, 0);
  int64_t grown = model->figures.live.bytes - 4096;
  if (model->now % (uint32_t) model->p[0] == 0)
    model_resize(model, 1, -grown);
  else
    model_resize(model, 1, (int64_t) model->p[1]);
  heap_calm_after(model, model->p[0]);
}

/* Twice as large each time that it is full; and full at last. */
static void
vector_with_an_end(struct model *model)
{
  DRAW(0, 100, 100000);
  DRAW(1, 300, 3000);
  if (model->now == 1)
    model_born(model, 1, 64, 0);
  double wanted =
      model->p[0] * (model->now < model->p[1] ? model->now : model->p[1]);
  while (model->figures.live.bytes < wanted)
    model_move(model, model->oldest, 2 * model->figures.live.bytes);
  heap_calm_after(model, model->p[1]);
}

/* And for ever: it stands still for half of its life, and does grow. */
static void
vector_that_doubles(struct model *model)
{
  DRAW(0, 100, 100000);
  if (model->now == 1)
    model_born(model, 1, 64, 0);
  while (model->figures.live.bytes < model->p[0] * model->now)
    model_move(model, model->oldest, 2 * model->figures.live.bytes);
  model_truth(model, TRUTH_FILLING);
}

static void
startup(struct model *model)
{
  DRAW(0, 1, 40);
  DRAW(1, 10, 10000);
  if (model->now <= model->p[0])
    model_born(model, (int64_t) model->p[1], 64, 0);
  model_truth(model, model->now > 180 ? TRUTH_STARTUP : TRUTH_FILLING);
}

static void
startup_beside_churn(struct model *model)
{
  if (model->now <= 3)
    model_born(model, 5000, 64, 0);
  model_born(model, model_poisson(model, 20), 64, 2);
  model_truth(model, model->now > 180 ? TRUTH_STARTUP : TRUTH_FILLING);
}

static void
plain_churn(struct model *model)
{
  DRAW(0, 1, 1000);
  model_born(model, model_poisson(model, model->p[0]), 64, 2);
  model_truth(model, model->now > 120 ? TRUTH_CHURN : TRUTH_FILLING);
}

/* Any lifetime up to 200 s: half of them get old, none stays. */
static void
some_get_old(struct model *model)
{
  DRAW(0, 0.5, 50);
  for (int64_t i = model_poisson(model, model->p[0]); i > 0; i--)
    model_born(model, 1, 64, 1 + (uint32_t) (200 * model_uniform(model)));
  heap_calm_after(model, 200);
}

/* A thousand clients at once, once. */
static void
storm(struct model *model)
{
  DRAW(0, 2000, 6000);
  sessions_of(model, 2, 300);
  if (model->now == (uint32_t) model->p[0])
    for (unsigned i = 0; i < 3000; i++)
      model_born(model, 1, 3000, model_life(model, 300));
}

const struct heap_history heap_plateaus[] = {
    {"pool that never shrinks", 14400, pool},
    {"pool that fills once", 10800, pool_on_demand},
    {"table of names", 14400, names},
    {"sessions", 28800, sessions},
    {"few sessions", 43200, few_sessions},
    {"sessions in a daily wave", 2 * 86400, daily_wave},
    {"traffic that grows", 14400, traffic_grows},
    {"batch jobs", 43200, batch_jobs},
    {"sawtooth of ten minutes", 14400, sawtooth},
    {"uneven sawtooth", 28800, uneven_saw},
    {"two generations", 28800, generations},
    {"tables reloaded", 28800, reloads},
    {"queue", 43200, queue},
    {"log buffer", 14400, log_buffer},
    {"vector with an end", 10800, vector_with_an_end},
    {"vector that doubles", 14400, vector_that_doubles},
    {"start-up tables", 7200, startup},
    {"start-up tables beside churn", 7200, startup_beside_churn},
    {"churn", 7200, plain_churn},
    {"half get old, none stays", 14400, some_get_old},
    {"storm of clients", 14400, storm},
    {NULL, 0, NULL},
};
