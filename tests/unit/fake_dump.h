/* fake_dump.h -- a dump that only notes what it was asked for. */

#ifndef DM_TESTS_UNIT_FAKE_DUMP_H
#define DM_TESTS_UNIT_FAKE_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "dump/dump.h"

enum
{
  FAKE_DUMPS = 256
};

struct fake_dump
{
  struct dm_request request;
  int thread; /* that made it */
  uint64_t at_ns;
};

/* The dumps so far. */
unsigned fake_dump_count(void);
struct fake_dump fake_dump_made(unsigned number);

/* While HELD, each dump waits for a reader that never comes: until it is told
   to hurry, or let go. */
void fake_dump_hold(bool held);

#endif
