/* suppress_file.h -- the patterns of a file of suppressions.

   For suppress.c; what is public is declared in suppress.h. */

#ifndef DM_DUMP_SUPPRESS_FILE_H
#define DM_DUMP_SUPPRESS_FILE_H

#include <stdint.h>

/* How many patterns there are. */
unsigned dm_suppress_patterns(void);

/* Forgets them all. For tests. */
void dm_suppress_drop_patterns(void);

/* COUNT bytes at BYTES, zeroed, are the answers by callsite number; NULL: there
   is no memory for them. */
void dm_suppress_make_room(uint8_t *bytes, uint32_t count);

#endif
