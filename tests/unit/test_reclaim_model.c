/* test_reclaim_model.c -- all interleavings of threads and reclaimer.

   From each scenario every order of all steps is tried, each state that was
   seen before only once. Where nothing can be done any more, each block must
   carry the number of its stack, and no count may be missing.

   That this can fail is shown with what is left out of the protocol, one thing
   after another. */

#include <stdlib.h>
#include <string.h>

#include "reclaim_machine.h"
#include "runner.h"

static const struct scenario scenarios[] = {
    /* Freed and allocated again, beside another stack that needs a number. */
    {{"A0A", "B"}, 2},
    /* Freed by another thread. */
    {{"A", "0B"}, 3},
    /* The same stack in two threads, one of which needs a number more. */
    {{"A", "A1B"}, 2},
    /* Some live, some freed elsewhere. */
    {{"AA", "0B1"}, 2},
    /* The number goes from stack to stack and back. */
    {{"A0A", "B2"}, 2},
};

/* --------------------------------------------------------------------------
   The states that were seen: by 64 bits of a hash, of which none of a few
   million agrees with another's but by one in some 100,000 runs; then an order
   would be left out, and nothing reported wrongly. */

static uint64_t *seen;
static size_t seen_mask, seen_count;

static uint64_t
hash_of(const struct machine *machine)
{
  const unsigned char *bytes = (const unsigned char *) machine;
  uint64_t hash = 1;
  for (size_t i = 0; i < sizeof *machine; i++)
  {
    hash = (hash ^ bytes[i]) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
  }
  return hash | 1;
}

static void grow(void);

/* Returns whether HASH is new. */
static bool
note(uint64_t hash)
{
  if (2 * seen_count >= seen_mask)
    grow();
  size_t i = hash;
  for (; seen[i & seen_mask]; i++)
    if (seen[i & seen_mask] == hash)
      return false;
  seen[i & seen_mask] = hash;
  seen_count++;
  return true;
}

static void
grow(void)
{
  uint64_t *old = seen;
  size_t size = old ? seen_mask + 1 : 0;
  seen_mask = (old ? 4 * size : 1 << 16) - 1;
  seen = calloc(seen_mask + 1, sizeof *seen);
  ck_assert_ptr_nonnull(seen);
  seen_count = 0;
  for (size_t i = 0; i < size; i++)
    if (old[i])
      note(old[i]);
  free(old);
}

/* --------------------------------------------------------------------------
   All orders. */

/* What goes wrong in some order from MACHINE on, or NULL. */
static const char *
explore(const struct machine *machine, const struct scenario *scenario,
        enum flaw flaw)
{
  bool last = true;
  if (!note(hash_of(machine)))
    return NULL;
  for (unsigned choice = 0; choice < MACHINE_CHOICES; choice++)
  {
    struct machine next = *machine;
    if (!machine_step(&next, scenario, flaw, choice))
      continue;
    last = false;
    const char *wrong = explore(&next, scenario, flaw);
    if (wrong)
      return wrong;
  }
  return last ? machine_verdict(machine, scenario) : NULL;
}

static const char *
explore_all(const struct scenario *scenario, enum flaw flaw)
{
  struct machine machine;
  machine_start(&machine, scenario);
  free(seen);
  seen = NULL;
  seen_mask = seen_count = 0;
  return explore(&machine, scenario, flaw);
}

START_TEST(nothing_is_confused_or_lost)
{
  const char *wrong = explore_all(&scenarios[_i], FLAWLESS);
  ck_assert_msg(!wrong, "scenario %d: %s", _i, wrong);
  ck_assert_uint_gt(seen_count, 1000);
}
END_TEST

/* Each part of the protocol is needed. */
START_TEST(a_flaw_is_found)
{
  const char *wrong = NULL;
  for (unsigned i = 0; i < sizeof scenarios / sizeof *scenarios && !wrong; i++)
    wrong = explore_all(&scenarios[i], (enum flaw) _i);
  ck_assert_msg(wrong != NULL, "flaw %d is not found", _i);
}
END_TEST

int
main(void)
{
  const TTest *const none[] = {NULL};
  Suite *suite = make_suite("reclaim_model", NULL, none);
  TCase *tcase = tcase_create("orders");
  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, nothing_is_confused_or_lost, 0,
                      sizeof scenarios / sizeof *scenarios);
  tcase_add_loop_test(tcase, a_flaw_is_found, FLAWLESS + 1, FLAWS);
  suite_add_tcase(suite, tcase);
  return run_suite(suite);
}
