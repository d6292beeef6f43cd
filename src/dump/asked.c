/* asked.c -- dumps that were asked for and not made yet. */

#include "dump/asked.h"

#include <stdatomic.h>

/* Bit 63 says that the place is taken, bits 32 to 62 the signal, the low half
   what it brought. */
static _Atomic uint64_t places[DM_ASKED_PLACES];
enum
{
  SIGNAL_SHIFT = 32
};
#define TAKEN (UINT64_C(1) << 63)

static uint64_t
word_of(int signal, uint32_t value)
{
  return TAKEN | (uint64_t) signal << SIGNAL_SHIFT | value;
}

int
dm_asked_put(int signal, uint32_t value)
{
  uint64_t word = word_of(signal, value);
  for (int i = 0; i < DM_ASKED_PLACES; i++)
  {
    uint64_t seen = atomic_load(&places[i]);
    if ((value == 0 && seen == word) ||
        (seen == 0 && atomic_compare_exchange_strong(&places[i], &seen, word)))
      return i;
  }
  return -1;
}

void
dm_asked_take_back(int place, int signal, uint32_t value)
{
  uint64_t word = word_of(signal, value);
  atomic_compare_exchange_strong(&places[place], &word, 0);
}

bool
dm_asked_take(unsigned place, int *signal, uint32_t *value)
{
  uint64_t word = atomic_exchange(&places[place], 0);
  *signal = (int) ((word & ~TAKEN) >> SIGNAL_SHIFT);
  *value = (uint32_t) word;
  return word != 0;
}

bool
dm_asked_any(void)
{
  bool any = false;
  for (unsigned i = 0; i < DM_ASKED_PLACES; i++)
    any = any || atomic_load(&places[i]) != 0;
  return any;
}

void
dm_asked_forget(void)
{
  for (unsigned i = 0; i < DM_ASKED_PLACES; i++)
    atomic_store(&places[i], 0);
}
