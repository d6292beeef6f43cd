/* sparse.c -- a calloc of 1 GiB of which little is used costs little. */

#include "small.h"

static long
resident_pages(void)
{
  char text[100] = "";
  FILE *file = fopen("/proc/self/statm", "r");
  long all, resident;
  CHECK(file && fgets(text, sizeof text, file) && fclose(file) == 0);
  CHECK(sscanf(text, "%ld %ld", &all, &resident) == 2);
  return resident;
}

int
main(void)
{
  long before = resident_pages();
  char *block = calloc(1 << 20, 1 << 10);
  CHECK(block);
  for (size_t i = 0; i < 1 << 30; i += 1 << 24)
    CHECK(block[i]++ == 0);
  CHECK(realloc(block, (size_t) 1 << 31)); /* by mremap */
  CHECK(resident_pages() - before < 1000);
  return 0;
}
