/* sizes.c -- blocks of n bytes, n of them, on both sides of each row's edge. */

#include "small.h"

int
main(void)
{
  static const int sizes[] = { 0, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128,
                               255, 256, 511, 512, 1023, 1024, 2047, 2048,
                               4095, 4096, 5000 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t k = 0; k <= i; k++)
      CHECK(malloc((size_t) sizes[i]));
  return 0;
}
