/* heap_model.c -- blocks of one callsite that are born and die. */

#include "heap_model.h"

#include <check.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

/* Blocks that die together. */
struct dying
{
  struct dying *next;
  uint32_t birth;
  int64_t count, bytes;
};
static struct dying *spare;

static struct dying *
new_dying(void)
{
  enum
  {
    TOGETHER = 1000
  };
  if (!spare)
  {
    struct dying *fresh = calloc(TOGETHER, sizeof *fresh);
    if (!fresh)
      ck_abort_msg("no memory");
    for (unsigned i = 0; i < TOGETHER; i++)
    {
      fresh[i].next = spare;
      spare = &fresh[i];
    }
  }
  struct dying *dying = spare;
  spare = dying->next;
  return dying;
}

/* The first of LIST is forgotten. */
static void
drop_dying(struct dying **list)
{
  struct dying *dying = *list;
  *list = dying->next;
  dying->next = spare;
  spare = dying;
}

static const uint32_t row_starts[DM_AGE_ROWS] = {0, 1, 10, 100, 1000};

static unsigned
row_of(uint32_t age)
{
  unsigned row = DM_AGE_ROWS - 1;
  while (age < row_starts[row])
    row--;
  return row;
}

static unsigned
slot_of(uint32_t age)
{
  unsigned slot = DM_BIRTH_SLOTS - 1;
  while (age < dm_birth_slot_start(slot))
    slot--;
  return slot;
}

void
model_reset(struct model *model, unsigned long seed)
{
  uint32_t last = model->last;
  for (uint32_t i = 0; i <= last; i++)
    while (model->due[i])
      drop_dying(&model->due[i]);
  memset(model->count, 0, (last + 1) * sizeof *model->count);
  memset(model->bytes, 0, (last + 1) * sizeof *model->bytes);
  memset(model, 0, offsetof(struct model, count));
  model->random = seed * 2654435761u + 88172645463325252u;
  model->varied = seed != 0;
  model->oldest = 1;
  model->figures.number = 1;
}

static void
add(struct model *model, uint32_t birth, int64_t count, int64_t bytes)
{
  uint32_t age = model->now - birth;
  struct dm_live *row = &model->figures.ages[row_of(age)];
  bool was = model->count[birth] > 0, is = model->count[birth] + count > 0;
  model->generations += age < 1000 ? (uint32_t) (is - was) : 0;
  model->figures.births[slot_of(age)] += (int32_t) count;
  model->count[birth] += count;
  model->bytes[birth] += bytes;
  model->figures.live.count += count;
  model->figures.live.bytes += bytes;
  row->count += count;
  row->bytes += bytes;
}

static void
release(struct model *model, uint32_t birth, int64_t count, int64_t bytes)
{
  if (count > model->count[birth]) /* dropped before they were due */
    count = model->count[birth];
  if (count <= 0)
    return;
  if (count == model->count[birth] || bytes > model->bytes[birth])
    bytes = model->bytes[birth];
  add(model, birth, -count, -bytes);
  model->figures.frees += (uint64_t) count;
}

/* Blocks that become older than a row's start move into that row. */
static void
grow_older(struct model *model)
{
  for (unsigned row = 1; row < DM_AGE_ROWS; row++)
  {
    if (model->now <= row_starts[row])
      break;
    uint32_t birth = model->now - row_starts[row];
    struct dm_live *ages = &model->figures.ages[row];
    ages[0].count += model->count[birth];
    ages[0].bytes += model->bytes[birth];
    ages[-1].count -= model->count[birth];
    ages[-1].bytes -= model->bytes[birth];
    model->figures.survived[row - 1] += (uint64_t) model->count[birth];
    if (row == DM_AGE_ROWS - 1)
      model->generations -= model->count[birth] > 0;
  }
  for (unsigned slot = 1; slot < DM_BIRTH_SLOTS; slot++)
  {
    if (model->now <= dm_birth_slot_start(slot))
      return;
    int64_t count = model->count[model->now - dm_birth_slot_start(slot)];
    model->figures.births[slot] += (int32_t) count;
    model->figures.births[slot - 1] -= (int32_t) count;
  }
}

void
model_tick(struct model *model)
{
  model->now++;
  if (model->last < model->now)
    model->last = model->now;
  if (model->now >= MODEL_SECONDS)
    ck_abort_msg("longer than the model");
  grow_older(model);
  while (model->due[model->now])
  {
    const struct dying *dying = model->due[model->now];
    release(model, dying->birth, dying->count, dying->bytes);
    drop_dying(&model->due[model->now]);
  }
  while (model->oldest < model->now && model->count[model->oldest] == 0)
    model->oldest++;
}

void
model_figures(struct model *model)
{
  model->figures.generations =
      model->generations + (model->figures.ages[4].count > 0);
}

void
model_born(struct model *model, int64_t count, int64_t size, uint32_t life)
{
  if (count <= 0)
    return;
  add(model, model->now, count, count * size);
  model->figures.allocations += (uint64_t) count;
  model->figures.allocated_bytes += (uint64_t) (count * size);
  if (life == 0 || model->now + life >= MODEL_SECONDS)
    return;
  struct dying *dying = new_dying();
  *dying = (struct dying){model->due[model->now + life], model->now, count,
                          count * size};
  model->due[model->now + life] = dying;
  if (model->last < model->now + life)
    model->last = model->now + life;
}

void
model_free_oldest(struct model *model, int64_t count)
{
  for (uint32_t birth = model->oldest; count > 0 && birth <= model->now;
       birth++)
  {
    int64_t here = model->count[birth] < count ? model->count[birth] : count;
    if (here > 0)
      release(model, birth, here,
              model->bytes[birth] / model->count[birth] * here);
    count -= here;
  }
}

void
model_free_random(struct model *model, int64_t count)
{
  while (count > 0 && model->figures.live.count > 0)
  {
    int64_t wanted =
        (int64_t) (model_uniform(model) * (double) model->figures.live.count);
    uint32_t birth = model->oldest;
    while (wanted >= model->count[birth])
      wanted -= model->count[birth++];
    release(model, birth, 1, model->bytes[birth] / model->count[birth]);
    count--;
  }
}

void
model_free_born(struct model *model, uint32_t from, uint32_t to)
{
  for (uint32_t birth = from; birth <= to && birth <= model->now; birth++)
    release(model, birth, model->count[birth], model->bytes[birth]);
}

void
model_resize(struct model *model, uint32_t birth, int64_t bytes)
{
  add(model, birth, 0, bytes);
  model->figures.in_place++;
  if (bytes > 0)
    model->figures.grown_bytes += (uint64_t) bytes;
}

void
model_move(struct model *model, uint32_t birth, int64_t size)
{
  model_born(model, 1, size, 0);
  release(model, birth, 1,
          model->bytes[birth] - (birth == model->now ? size : 0));
  model->figures.moved++;
}

double
model_uniform(struct model *model)
{
  return (double) (next_random(&model->random) >> 11) / 9007199254740992.0;
}

double
model_pick(struct model *model, double low, double high)
{
  double at = model->varied ? model_uniform(model) : 0.5;
  return low * pow(high / low, at);
}

uint32_t
model_life(struct model *model, double mean)
{
  return 1 + (uint32_t) (-log(1 - model_uniform(model)) * mean);
}

int64_t
model_even(struct model *model, unsigned which, double rate)
{
  model->debt[which] += rate;
  int64_t whole = (int64_t) model->debt[which];
  model->debt[which] -= (double) whole;
  return whole;
}

int64_t
model_poisson(struct model *model, double rate)
{
  /* For many: the normal distribution that it comes near to. */
  if (rate > 50)
  {
    double sum = -6;
    for (unsigned i = 0; i < 12; i++)
      sum += model_uniform(model);
    double drawn = rate + sum * sqrt(rate);
    return drawn > 0 ? (int64_t) drawn : 0;
  }
  double left = exp(-rate);
  int64_t count = -1;
  for (double product = 1; product > left; count++)
    product *= model_uniform(model);
  return count;
}

void
model_truth(struct model *model, enum truth truth)
{
  if (model->truth == truth && model->since != 0)
    return;
  model->truth = truth;
  model->since = model->now;
}
