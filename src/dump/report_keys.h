/* report_keys.h -- the members of a JSON object.

   Each appends a comma, "NAME": and a value. A NAME that begins with a brace
   opens the object: the brace comes instead of the comma. */

#ifndef DM_DUMP_REPORT_KEYS_H
#define DM_DUMP_REPORT_KEYS_H

#include <stdint.h>

#include "base/text.h"
#include "dump/snapshot.h"

/* No value: it follows. */
void dm_put_key(struct dm_text *text, const char *name);

void dm_put_number(struct dm_text *text, const char *name, int64_t value);
void dm_put_unsigned(struct dm_text *text, const char *name, uint64_t value);

/* VALUE as a string, or null. */
void dm_put_string(struct dm_text *text, const char *name, const char *value);

/* ADDRESS as a string: JSON's numbers are exact to 2^53 only. */
void dm_put_address(struct dm_text *text, const char *name, uint64_t address);

/* Two members, live and bytes. */
void dm_put_live(struct dm_text *text, const struct dm_live *live);

#endif
