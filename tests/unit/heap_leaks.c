/* heap_leaks.c -- callsites that leak, sooner or later. */

#include "heap_histories.h"

static void
leak(struct model *model, double rate, int64_t size)
{
  model_truth(model, TRUTH_LEAK);
  model_born(model, model_poisson(model, rate), size, 0);
}

/* Blocks that live some seconds. */
static void
churn(struct model *model, double rate)
{
  for (uint32_t life = 1; life <= 3; life++)
    model_born(model, model_poisson(model, rate / 3), 100, life);
}

/* One block in a thousand. */
static void
slow_leak(struct model *model)
{
  DRAW(0, 50, 2000);
  churn(model, model->p[0]);
  leak(model, model->p[0] / 1000, 100);
}

static void
fast_leak(struct model *model)
{
  DRAW(0, 100, 10000);
  leak(model, model->p[0], 64);
}

static void
leak_beside_churn(struct model *model)
{
  DRAW(0, 1, 100);
  churn(model, 20 * model->p[0]);
  leak(model, model->p[0], 1000);
}

/* Some that leak live among some that live up to a minute. */
static void
leak_beside_requests(struct model *model)
{
  DRAW(0, 0.1, 2);
  for (int64_t i = model_poisson(model, 10 * model->p[0]); i > 0; i--)
    model_born(model, 1, 500, model_life(model, 10));
  leak(model, model->p[0], 500);
}

static void
leak_after_an_hour(struct model *model)
{
  DRAW(0, 1800, 7200);
  DRAW(1, 0.1, 100);
  if (model->now >= model->p[0])
    leak(model, model->p[1], 200);
  else
    model_truth(model, TRUTH_PLATEAU);
}

/* A pool that was made at the start, and an hour later a leak. */
static void
leak_after_a_pool(struct model *model)
{
  DRAW(0, 1800, 7200);
  DRAW(1, 0.1, 5);
  DRAW(2, 10, 10000);
  if (model->now == 5)
    model_born(model, (int64_t) model->p[2], 200, 0);
  if (model->now >= model->p[0])
    leak(model, model->p[1], 200);
  else
    model_truth(model, TRUTH_PLATEAU);
}

/* One of 16 MiB a minute, some seconds early or late. */
static void
large_blocks(struct model *model)
{
  if (model->now == 1)
    model->state[0] = (long) model_pick(model, 1, 60);
  model_truth(model, TRUTH_LEAK);
  if (model->now != (uint32_t) model->state[0])
    return;
  model_born(model, 1, 16 << 20, 0);
  model->state[0] += 50 + (long) (20 * model_uniform(model));
}

/* PERIOD seconds apart, some that stay and more that do not. */
static void
bursts(struct model *model, double period)
{
  model_truth(model, TRUTH_LEAK);
  if (model->now % (uint32_t) period != 7)
    return;
  model_born(model, (int64_t) (20 + 100 * model_uniform(model)), 300, 0);
  model_born(model, 1000, 300, 5);
}

static void
leak_in_bursts(struct model *model)
{
  DRAW(0, 20, 130);
  bursts(model, model->p[0]);
}

/* Three steps of 600 s show it. */
static void
leak_in_rare_bursts(struct model *model)
{
  DRAW(0, 200, 550);
  model->patience = 100 + 5 * 600;
  bursts(model, model->p[0]);
}

/* Much is loaded and dropped, as at a start; what comes then stays. */
static void
leak_after_a_peak(struct model *model)
{
  DRAW(0, 300, 3000);
  DRAW(1, 0.1, 10);
  DRAW(2, 1000, 100000);
  if (model->now < 10)
    model_born(model, (int64_t) model->p[2] / 10, 1000, 0);
  if (model->now == (uint32_t) model->p[0])
    model_free_born(model, 1, model->now);
  if (model->now > model->p[0])
    leak(model, model->p[1], 1000);
}

static void
faster_and_faster(struct model *model)
{
  DRAW(0, 0.1, 1);
  leak(model, model->p[0] * (1 + model->now / 600.0), 100);
}

static void
leak_of_all_sizes(struct model *model)
{
  DRAW(0, 0.1, 10);
  model_truth(model, TRUTH_LEAK);
  for (int64_t i = model_poisson(model, model->p[0]); i > 0; i--)
    model_born(model, 1, 1 + (int64_t) (1e6 / (1 + 1e5 * model_uniform(model))),
               0);
}

/* Sessions of some minutes; every second one is forgotten. */
static void
half_of_the_sessions(struct model *model)
{
  DRAW(0, 0.2, 20);
  DRAW(1, 60, 400);
  model_truth(model, TRUTH_LEAK);
  for (int64_t i = model_poisson(model, model->p[0]); i > 0; i--)
    model_born(model, 1, 4000, i % 2 ? 0 : model_life(model, model->p[1]));
}

/* Sessions of some minutes; every tenth one is forgotten. To be seen among the
   blocks of 1000 s. */
static void
tenth_of_the_sessions(struct model *model)
{
  DRAW(0, 2, 20);
  DRAW(1, 100, 300);
  model->patience = 1000 + 3 * 600;
  model_truth(model, TRUTH_LEAK);
  for (int64_t i = model_poisson(model, model->p[0]); i > 0; i--)
    model_born(model, 1, 4000,
               model_uniform(model) < 0.1 ? 0 : model_life(model, model->p[1]));
}

/* A cache whose entries live 200 s loses some. */
static void
leak_beside_a_cache(struct model *model)
{
  DRAW(0, 2, 50);
  model->patience = 1000 + 3 * 600;
  model_born(model, model_poisson(model, model->p[0]), 100, 200);
  leak(model, model->p[0] / 20, 100);
}

/* Two hours of leak, one of rest. */
static void
leak_with_rests(struct model *model)
{
  DRAW(0, 0.1, 10);
  if (model->now % 10800 < 7200)
    leak(model, model->p[0], 100);
  else if (model->now % 10800 < 7200 + 500)
    model_truth(model, TRUTH_FILLING);
  else
    model_truth(model, TRUTH_PLATEAU);
}

/* One in ten minutes: three steps of 2,400 s show it. */
static void
very_slow_leak(struct model *model)
{
  model->patience = 4 * 2400 + 700;
  model_truth(model, TRUTH_LEAK);
  if (model->now % 600 == 77)
    model_born(model, 1, 5000, 0);
}

/* A buffer to which a log is appended for ever, in place. */
static void
vector_in_place(struct model *model)
{
  DRAW(0, 50, 5000);
  model->patience = 900;
  if (model->now == 1)
    model_born(model, 1, 65536, 0);
  model_truth(model, TRUTH_LEAK);
  model_resize(model, 1, (int64_t) model->p[0]);
}

/* The same; each time it moves. */
static void
vector_that_moves(struct model *model)
{
  DRAW(0, 50, 5000);
  DRAW(1, 1, 60);
  model->patience = 900;
  model_truth(model, TRUTH_LEAK);
  if (model->now == 1)
    model_born(model, 1, 65536, 0);
  else if (model->now % (uint32_t) model->p[1] == 0)
    model_move(model, model->oldest,
               model->figures.live.bytes +
                   (int64_t) (model->p[0] * model->p[1]));
}

/* By day more than by night, and none of it comes back. */
static void
leak_by_day(struct model *model)
{
  DRAW(0, 0.5, 10);
  double hour = model->now / 3600.0;
  leak(model, model->p[0] * (hour < 4 ? 0.3 : 1 - (hour - 4) / 10), 100);
}

const struct heap_history heap_leaks[] = {
    {"slow leak, one in a thousand", 7200, slow_leak},
    {"fast leak", 3600, fast_leak},
    {"leak beside churn", 3600, leak_beside_churn},
    {"leak beside requests", 7200, leak_beside_requests},
    {"leak after an hour", 10800, leak_after_an_hour},
    {"leak after an hour, in a pool", 10800, leak_after_a_pool},
    {"few large blocks", 10800, large_blocks},
    {"bursts every minute", 7200, leak_in_bursts},
    {"bursts every five minutes", 14400, leak_in_rare_bursts},
    {"leak after a peak", 7200, leak_after_a_peak},
    {"faster and faster", 7200, faster_and_faster},
    {"blocks of all sizes", 7200, leak_of_all_sizes},
    {"half of the sessions", 7200, half_of_the_sessions},
    {"a tenth of the sessions", 14400, tenth_of_the_sessions},
    {"leak beside a cache", 14400, leak_beside_a_cache},
    {"leak with rests", 28800, leak_with_rests},
    {"one block in ten minutes", 43200, very_slow_leak},
    {"vector without end, in place", 7200, vector_in_place},
    {"vector without end, moving", 7200, vector_that_moves},
    {"leak by day", 36000, leak_by_day},
    {NULL, 0, NULL},
};
