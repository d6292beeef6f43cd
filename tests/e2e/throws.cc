// throws.cc -- new, delete, and exceptions through several frames.

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#define APART __attribute__((noipa))

APART static void
thrower (int depth)
{
  std::vector<int> unwound (100, depth);
  if (depth == 0)
    throw std::runtime_error (std::string (200, 'x'));
  thrower (depth - 1);
}

APART static int *
kept_by_new ()
{
  return new int[25];
}

int
main ()
{
  int caught = 0;
  for (int i = 0; i < 1000; i++)
    try
      {
        thrower (10);
      }
    catch (const std::runtime_error &error)
      {
        caught += error.what ()[0] == 'x';
      }
  int *volatile kept = kept_by_new ();
  kept[0] = caught;
  delete new std::string (100, 'd');
  try
    {
      volatile std::size_t huge = static_cast<std::size_t> (-1) / 4;
      char *volatile block = new char[huge];
      delete[] block;
    }
  catch (const std::bad_alloc &)
    {
      caught++;
    }
  std::printf ("caught %d\n", caught);
}
