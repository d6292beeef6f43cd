/* ages.h -- how old is old: the rows and slots that ages are told in.

   Ages are whole slices of one second: the slice that it is now less the slice
   of birth. Pure arithmetic. */

#ifndef DM_BOOKS_AGES_H
#define DM_BOOKS_AGES_H

#include <stdint.h>

/* Within the window each second of birth is known by itself; what is older is
   one rest. */
enum
{
  DM_AGE_SLICES = 1000
};

/* The rows of the dump: younger than 1, 10, 100, 1000 seconds, and the rest. */
enum
{
  DM_AGE_ROWS = 5
};

/* The slots that a callsite's births are told in, of growing width: ten of one
   second, nine of ten, nine of a hundred, and the rest. A row is made of whole
   slots. */
enum
{
  DM_BIRTH_SLOTS = 10 + 9 + 9 + 1
};

/* The age at slice NOW of what was born in slice BIRTH. A birth that is still
   to come, by a clock that another thread read a little later, is age 0. */
static inline uint32_t
dm_age(uint32_t now, uint32_t birth)
{
  return (int32_t) (now - birth) < 0 ? 0 : now - birth;
}

/* The row that a block of AGE slices belongs to. */
static inline unsigned
dm_age_row(uint32_t age)
{
  return (age >= 1) + (age >= 10) + (age >= 100) + (age >= DM_AGE_SLICES);
}

/* The least age in seconds of ROW: 0, 1, 10, 100, 1000. */
uint32_t dm_age_row_start(unsigned row);

/* The slot that a block of AGE slices belongs to. */
static inline unsigned
dm_birth_slot(uint32_t age)
{
  return age < 10    ? age
         : age < 100 ? 9 + age / 10
         : age < DM_AGE_SLICES ? 18 + age / 100
                               : DM_BIRTH_SLOTS - 1;
}

/* The least age in seconds of SLOT: 0 to 9, 10, 20, ... 90, 100, ... 1000. */
static inline uint32_t
dm_birth_slot_start(unsigned slot)
{
  return slot < 10 ? slot : slot < 19 ? (slot - 9) * 10 : (slot - 18) * 100;
}

#endif
