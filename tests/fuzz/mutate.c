/* mutate.c -- drives a fuzz target without libFuzzer, the same way each time:
   seeds are changed by a fixed sequence of random numbers.

   Arguments: how many inputs, then the seeds' files. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEEDS = 64, LARGEST = 1 << 20 };

struct seed
{
  uint8_t *data;
  size_t size;
};

static uint64_t state = 88172645463325252u;

/* xorshift64 of Marsaglia. */
static size_t
draw(size_t below)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return below ? (size_t) (state % below) : 0;
}

static struct seed
read_seed(const char *path)
{
  struct seed seed = { malloc(LARGEST), 0 };
  FILE *file = fopen(path, "rb");
  if (!file || !seed.data)
    exit(2);
  seed.size = fread(seed.data, 1, LARGEST, file);
  fclose(file);
  return seed;
}

/* Where a change goes: often into the headers, at the beginning or the end. */
static size_t
draw_place(size_t size)
{
  size_t part = size < 512 ? size : 512;
  switch (draw(4))
    {
    case 0:
      return draw(part);
    case 1:
      return size - 1 - draw(part);
    default:
      return draw(size);
    }
}

static size_t
mutate(uint8_t *data, size_t size)
{
  static const uint64_t odd[] = { 0,          1,          7,           0x7f,
                                  0xff,       0xffff,     0x7fffffff,  0xffffffff,
                                  UINT64_MAX, INT64_MAX,  1ull << 63,  4096 };
  for (size_t changes = 1 + draw(8); changes > 0 && size > 0; changes--)
    {
      size_t place = draw_place(size), width = (size_t) 1 << draw(4);
      uint64_t value = draw(3) ? odd[draw(sizeof odd / sizeof *odd)] : state;
      size_t left = size - place;
      switch (draw(6))
        {
        case 0:
          data[place] ^= (uint8_t) (1 << draw(8));
          break;
        case 1:
          size = draw(8) ? size : place;
          break;
        case 2:
          memmove(data + place, data + draw_place(size) / 2, left / 2);
          break;
        default:
          memcpy(data + place, &value, width < left ? width : left);
        }
    }
  return size;
}

int
main(int argc, char **argv)
{
  struct seed seeds[SEEDS];
  int count = 0;
  for (int i = 2; i < argc && count < SEEDS; i++)
    seeds[count++] = read_seed(argv[i]);
  if (count == 0)
    return 2;
  uint8_t *data = malloc(LARGEST);
  for (long i = 0; i < atol(argv[1]); i++)
    {
      const struct seed *seed = &seeds[draw((size_t) count)];
      memcpy(data, seed->data, seed->size);
      /* Exactly as large as it is, for the sanitizer to see. */
      size_t size = i < count ? seed->size : mutate(data, seed->size);
      uint8_t *input = malloc(size ? size : 1);
      memcpy(input, data, size);
      LLVMFuzzerTestOneInput(input, size);
      free(input);
    }
  free(data);
  while (count > 0)
    free(seeds[--count].data);
  printf("%s inputs\n", argv[1]);
  return 0;
}
