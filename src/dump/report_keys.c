/* report_keys.c -- the members of a JSON object. */

#include "dump/report_keys.h"

/* Appends "NAME": with a comma before it where one is needed, which is
   anywhere but at the start of an object. */
void
dm_put_key(struct dm_text *text, const char *name)
{
  if (*name == '{')
    dm_text_char(text, *name++);
  else
    dm_text_char(text, ',');
  dm_text_char(text, '"');
  dm_text_string(text, name);
  dm_text_string(text, "\":");
}

void
dm_put_number(struct dm_text *text, const char *name, int64_t value)
{
  dm_put_key(text, name);
  dm_text_signed(text, value);
}

void
dm_put_unsigned(struct dm_text *text, const char *name, uint64_t value)
{
  dm_put_key(text, name);
  dm_text_unsigned(text, value);
}

void
dm_put_string(struct dm_text *text, const char *name, const char *value)
{
  dm_put_key(text, name);
  if (!value)
  {
    dm_text_string(text, "null");
    return;
  }
  dm_text_char(text, '"');
  dm_text_json(text, value);
  dm_text_char(text, '"');
}

/* Addresses are strings: JSON's numbers are exact to 2^53 only. */
void
dm_put_address(struct dm_text *text, const char *name, uint64_t address)
{
  dm_put_key(text, name);
  dm_text_char(text, '"');
  dm_text_hex(text, address);
  dm_text_char(text, '"');
}

void
dm_put_live(struct dm_text *text, const struct dm_live *live)
{
  dm_put_number(text, "live", live->count);
  dm_put_number(text, "bytes", live->bytes);
}
