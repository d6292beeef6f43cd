/* fuzz_settings.c -- any bytes as the value of any DMALLOC_* variable, as a
   glob and as a signal's name: read, warned of and never more than that. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/signals.h"
#include "base/text.h"

static const char *value;
static unsigned chosen, asked;

/* The variable that is asked for as number CHOSEN has the value. */
static const char *
get_env(const char *name)
{
  (void) name;
  return asked++ == chosen ? value : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct dm_config config;
  char buffer[512];
  struct dm_text text;
  if (size == 0)
    return 0;
  /* A copy of its exact size, so that a byte too far is seen. */
  char *copy = malloc(size);
  memcpy(copy, data + 1, size - 1);
  copy[size - 1] = '\0';
  value = copy;
  chosen = data[0] % 20;
  asked = 0;
  dm_text_init(&text, buffer, sizeof buffer);
  dm_config_read(&config, get_env, &text);
  if (config.depth < 1 || config.depth > DM_DEPTH_MAX || config.callsites < 1 ||
      memchr(config.output, '\0', sizeof config.output) == NULL)
    abort();
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] != '\n' && (unsigned char) text.data[i] < ' ')
      abort();

  size_t half = strlen(copy) / 2;
  char *name = strdup(copy + half);
  copy[half] = '\0';
  dm_config_glob(copy, name);
  dm_config_glob(name, copy);
  dm_signal_number(copy);
  free(name);
  free(copy);
  return 0;
}
