/* test_verdict.c -- verdicts on callsites of which the truth is known.

   Each history of heap_leaks.c, heap_caches.c and heap_plateaus.c is played
   second by second and looked at as a dump would. A plateau that is called
   growing fails, and so does a leak that is not after ten minutes (or what its
   history says). */

#include "dump/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump/history.h"
#include "heap_histories.h"
#include "runner.h"

enum
{
  WORDS = DM_CHURN + 1,
  PATIENCE = 600
};

/* What comes by chance may stay away: a leak may go unseen in one look of
   fifty; in one of ten if it is given more time, for then it lies beside a
   plateau that wavers. A plateau may not be taken for a leak at all. */
enum
{
  UNSEEN = 50,
  UNSEEN_LONG = 10
};

/* When it is looked: every INTERVAL seconds, from FIRST on, AT MOST so often.
 */
struct habit
{
  uint32_t interval, first, most;
};

/* Looks, by what is true and what was said; leaks that are younger than what
   they may take are counted apart. */
enum
{
  LEAK_YOUNG = TRUTHS,
  ROWS
};
static const char *const row_names[ROWS] = {
    [TRUTH_FILLING] = "filling, or just full",
    [TRUTH_LEAK] = "leak, ten minutes old",
    [TRUTH_PLATEAU] = "plateau",
    [TRUTH_STARTUP] = "start-up table",
    [TRUTH_CHURN] = "churn",
    [LEAK_YOUNG] = "leak, younger",
};

struct table
{
  unsigned long looks[ROWS][WORDS];
  uint32_t slowest; /* seconds until a leak was first told, at most; of those
                       that are given no more time than others */
};

static struct model model;
static bool is_loud;  /* VERBOSE: each history's own line */
static bool is_quiet; /* none */

static unsigned
row_now(uint32_t interval)
{
  if (model.truth != TRUTH_LEAK)
    return model.truth;
  uint32_t patience = model.patience ? model.patience : PATIENCE;
  if (interval > 5 && interval <= 60)
    patience += interval;
  return model.now - model.since >= patience ? TRUTH_LEAK : LEAK_YOUNG;
}

static bool
is_wrong(unsigned row, enum dm_word word)
{
  return row == TRUTH_LEAK                           ? word != DM_GROWING
         : row == TRUTH_FILLING || row == LEAK_YOUNG ? false
                                                     : word == DM_GROWING;
}

/* Looks at a leak that were told wrong. */
static unsigned
unseen_leaks(unsigned long looks[ROWS][WORDS])
{
  unsigned wrong = 0;
  for (unsigned word = 0; word < WORDS; word++)
    if (word != DM_GROWING)
      wrong += (unsigned) looks[TRUTH_LEAK][word];
  return wrong;
}

static struct dm_verdict
look(void)
{
  model_figures(&model);
  dm_history_begin(model.now);
  const struct dm_history *history = dm_history_look(&model.figures);
  return dm_verdict_judge(&model.figures, history, model.now);
}

static void
add_table(struct table *to, const struct table *from)
{
  for (unsigned row = 0; row < ROWS; row++)
    for (unsigned word = 0; word < WORDS; word++)
      to->looks[row][word] += from->looks[row][word];
  if (to->slowest < from->slowest)
    to->slowest = from->slowest;
}

/* Notes how long it took to tell a leak; *TOLD is the slice since which the one
   was true that has been told. */
static void
note_delay(struct table *table, enum dm_word word, uint32_t *told)
{
  if (model.truth != TRUTH_LEAK || word != DM_GROWING || *told == model.since)
    return;
  *told = model.since;
  uint32_t delay = model.now - model.since;
  if (model.patience == 0 && table->slowest < delay)
    table->slowest = delay;
}

/* Plays HISTORY with SEED. Returns how many looks were told wrong, and adds
   all of them to TABLE. */
static unsigned
play(const struct heap_history *history, unsigned long seed,
     const struct habit *habit, struct table *table)
{
  unsigned wrong = 0, first_wrong = 0, looks = 0;
  enum dm_cause cause = DM_NOTHING_OLD;
  uint32_t told = 0;
  struct table own = {0};
  model_reset(&model, seed);
  dm_history_forget(1);
  dm_history_begin(0);
  while (model.now < history->seconds)
  {
    model_tick(&model);
    history->act(&model);
    if (model.now % habit->interval != habit->first % habit->interval ||
        model.now < habit->first || looks >= habit->most)
      continue;
    looks++;
    struct dm_verdict verdict = look();
    unsigned row = row_now(habit->interval);
    own.looks[row][verdict.word]++;
    note_delay(&own, verdict.word, &told);
    if (is_wrong(row, verdict.word) && wrong++ == 0)
    {
      first_wrong = model.now;
      cause = verdict.cause;
    }
  }
  add_table(table, &own);
  if (wrong == unseen_leaks(own.looks) &&
      (model.patience ? UNSEEN_LONG : UNSEEN) * wrong <= looks)
    wrong = 0;
  if ((wrong && !is_quiet) || is_loud)
    printf("%s, seed %lu, every %u s: %u of %u looks wrong, the first at %u s"
           " (cause %u); p = %g %g %g %g\n",
           history->name, seed, habit->interval, wrong, looks, first_wrong,
           cause, model.p[0], model.p[1], model.p[2], model.p[3]);
  return wrong;
}

static void
print_table(const char *title, const struct table *table)
{
  printf("%-24s", title);
  for (unsigned word = 0; word < WORDS; word++)
    printf("%10s", dm_verdict_words[word]);
  printf("\n");
  for (unsigned row = 0; row < ROWS; row++)
  {
    printf("%-24s", row_names[row]);
    for (unsigned word = 0; word < WORDS; word++)
      printf("%10lu", table->looks[row][word]);
    printf("\n");
  }
  if (table->slowest <= PATIENCE + 60)
    printf("a leak was told after at most %u s\n", table->slowest);
  printf("\n");
}

static unsigned
play_all(const struct heap_history *histories, unsigned long seed,
         const struct habit *habit, struct table *table)
{
  unsigned wrong = 0;
  for (; histories->name; histories++)
    wrong += play(histories, seed, habit, table) > 0;
  return wrong;
}

/* All that does not leak. */
static unsigned
play_calm(unsigned long seed, const struct habit *habit, struct table *table)
{
  return play_all(heap_caches, seed, habit, table) +
         play_all(heap_plateaus, seed, habit, table);
}

static void
setup(void)
{
  ck_assert_int_eq(dm_history_init(10), 0);
  is_loud = getenv("VERBOSE") != NULL;
}

static const struct habit every_5 = {5, 5, UINT32_MAX};

START_TEST(each_history)
{
  struct table table = {0};
  unsigned wrong = play_all(heap_leaks, 0, &every_5, &table) +
                   play_calm(0, &every_5, &table);
  print_table("looks every 5 s", &table);
  ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(looked_at_more_and_less_often)
{
  static const struct habit habits[] = {
      {1, 1, 14400}, {17, 3, UINT32_MAX}, {60, 60, UINT32_MAX}};
  for (unsigned i = 0; i < sizeof habits / sizeof *habits; i++)
  {
    struct table table = {0};
    char title[40];
    unsigned wrong = play_all(heap_leaks, 0, &habits[i], &table) +
                     play_calm(0, &habits[i], &table);
    snprintf(title, sizeof title, "looks every %u s", habits[i].interval);
    print_table(title, &table);
    ck_assert_uint_eq(wrong, 0);
  }
}
END_TEST

/* Asked by hand: once, or twice. There is no time to be patient then; but what
   is no leak is none, and a plain leak is one. */
START_TEST(asked_once_or_twice)
{
  static const struct habit habits[] = {{1200, 1200, 1},
                                        {7200, 7200, 1},
                                        {700, 700, 2},
                                        {3600, 3600, 2},
                                        {1500, 300, 3}};
  for (unsigned i = 0; i < sizeof habits / sizeof *habits; i++)
  {
    struct table leaks = {0}, plateaus = {0};
    char title[40];
    is_quiet = true;
    play_all(heap_leaks, 0, &habits[i], &leaks);
    is_quiet = false;
    unsigned wrong = play_calm(0, &habits[i], &plateaus);
    ck_assert_uint_eq(wrong, 0);
    for (unsigned plain = 0; plain < 4; plain++)
    {
      play(&heap_leaks[plain], 0, &habits[i], &plateaus);
      ck_assert_int_eq(look().word, DM_GROWING);
    }
    snprintf(title, sizeof title, "%u looks from %u s on", habits[i].most,
             habits[i].first);
    add_table(&plateaus, &leaks);
    print_table(title, &plateaus);
  }
}
END_TEST

/* A race with the program: those of 1,000 s seem to be fewer than none, so many
   that none at all is old. */
START_TEST(below_zero)
{
  struct dm_callsite_figures figures = {.live = {5, 500}};
  figures.ages[0] = (struct dm_live){5, 500};
  figures.births[0] = 5;
  figures.ages[3] = (struct dm_live){40, 4000};
  for (unsigned slot = 19; slot < 23; slot++)
    figures.births[slot] = 10;
  ck_assert_int_eq(dm_verdict_judge(&figures, NULL, 520).word, DM_GROWING);
  figures.ages[4] = (struct dm_live){-40, -4000};
  figures.births[28] = -40;
  ck_assert_int_eq(dm_verdict_judge(&figures, NULL, 520).word, DM_TOO_EARLY);
}
END_TEST

/* Parameters at random. */
START_TEST(hundreds_of_variants)
{
  struct table table = {0};
  const char *most = getenv("VARIANTS");
  unsigned long last = most ? strtoul(most, NULL, 10) : 10;
  unsigned wrong = 0;
  for (unsigned long seed = 1; seed <= last; seed++)
    wrong += play_all(heap_leaks, seed, &every_5, &table) +
             play_calm(seed, &every_5, &table);
  print_table("variants, every 5 s", &table);
  ck_assert_uint_eq(wrong, 0);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {
      each_history, looked_at_more_and_less_often, asked_once_or_twice,
      below_zero,   hundreds_of_variants,          NULL};
  setvbuf(stdout, NULL, _IOLBF, 0); /* a test that fails says why */
  return run_suite(make_suite("verdict", setup, tests));
}
