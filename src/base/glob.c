/* glob.c -- shell patterns, without libc's fnmatch, which asks the locale. */

#include "base/config.h"

#include <string.h>

/* Whether C is in the set that starts behind the '[' at PATTERN; *NEXT is then
   what follows the set. A set that never ends is no set: *NEXT is NULL. */
static bool
in_set(const char *pattern, char c, const char **next)
{
  const char *at = pattern + 1;
  bool negated = *at == '!' || *at == '^';
  bool found = false;
  at += negated;
  const char *first = at; /* a ']' here is a member */
  while (*at && (*at != ']' || at == first))
  {
    unsigned char low, high;
    if (*at == '\\' && at[1])
      at++;
    low = high = (unsigned char) *at++;
    if (*at == '-' && at[1] && at[1] != ']')
    {
      at++;
      if (*at == '\\' && at[1])
        at++;
      high = (unsigned char) *at++;
    }
    found = found || ((unsigned char) c >= low && (unsigned char) c <= high);
  }
  *next = *at ? at + 1 : NULL;
  return found != negated;
}

/* Whether C matches the one-character pattern at *PATTERN, which is moved
   behind it if so. */
static bool
matches_one(const char **pattern, char c)
{
  const char *at = *pattern, *next = at + 1;
  bool matches = false;
  if (*at == '?')
    matches = true;
  else if (*at == '[')
  {
    matches = in_set(at, c, &next);
    if (!next)
    {
      matches = c == '[';
      next = at + 1;
    }
  }
  else
  {
    if (*at == '\\' && at[1])
      next = ++at + 1;
    matches = *at == c && c != '\0';
  }
  if (matches)
    *pattern = next;
  return matches;
}

/* When a later part does not match, only the last star needs to take more: the
   earlier ones have taken the least that they can. */
bool
dm_config_glob(const char *pattern, const char *name)
{
  const char *star = NULL, *resume = NULL;
  while (*name)
  {
    if (*pattern == '*')
    {
      star = ++pattern;
      resume = name;
    }
    else if (matches_one(&pattern, *name))
      name++;
    else if (star)
    {
      pattern = star;
      name = ++resume;
    }
    else
      return false;
  }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}
