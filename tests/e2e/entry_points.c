/* entry_points.c -- calls every entry point once, each from a function of its
   own, and keeps the block. */

#include "small.h"

APART void *
call_malloc(void)
{
  return malloc(101);
}

APART void *
call_calloc(void)
{
  return calloc(3, 34);
}

APART void *
call_realloc(void)
{
  return realloc(NULL, 103);
}

APART void *
call_reallocarray(void)
{
  return reallocarray(NULL, 2, 52);
}

APART void *
call_aligned_alloc(void)
{
  return aligned_alloc(64, 128);
}

APART void *
call_memalign(void)
{
  return memalign(128, 105);
}

APART void *
call_posix_memalign(void)
{
  void *block;
  return posix_memalign(&block, 256, 106) == 0 ? block : NULL;
}

APART void *
call_valloc(void)
{
  return valloc(107);
}

APART void *
call_pvalloc(void)
{
  return pvalloc(108);
}

APART void *
call_strdup(void)
{
  return strdup("twelve bytes");
}

APART void *
call_asprintf(void)
{
  char *text;
  return asprintf(&text, "%d", 12345) == 5 ? text : NULL;
}

int
main(void)
{
  void *blocks[] = {
    call_malloc(), call_calloc(), call_realloc(), call_reallocarray(),
    call_aligned_alloc(), call_memalign(), call_posix_memalign(),
    call_valloc(), call_pvalloc(), call_strdup(), call_asprintf(),
  };
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    CHECK(blocks[i]);
  CHECK((uintptr_t) blocks[4] % 64 == 0);
  CHECK((uintptr_t) blocks[5] % 128 == 0);
  CHECK((uintptr_t) blocks[6] % 256 == 0);
  CHECK((uintptr_t) blocks[7] % (size_t) sysconf(_SC_PAGESIZE) == 0);
  CHECK(malloc_usable_size(blocks[0]) >= 101);
  CHECK(malloc_usable_size(NULL) == 0);
  return 0;
}
