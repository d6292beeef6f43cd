/* frames.c -- functions that keep their frames in all the ways there are. */

#include "frames.h"

#include <alloca.h>
#include <stdint.h>

/* What the compiler must not leave out. */
static __thread volatile unsigned sink;

#define KEEP(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

__attribute__((noinline)) static void
small(const char *path)
{
  descend(path + 1);
  sink++;
}

__attribute__((noinline)) static void
large(const char *path)
{
  char room[3000];
  KEEP(room);
  descend(path + 1);
  KEEP(room);
}

__attribute__((noinline)) static void
saving(const char *path)
{
  unsigned a = sink + 1, b = sink + 2, c = sink + 3, d = sink + 4;
  unsigned e = sink + 5, f = sink + 6;
  descend(path + 1);
  sink = a ^ b ^ c;
  sink = d ^ e ^ f;
}

__attribute__((noinline)) static void
moving(const char *path)
{
  char *room = alloca(16 + sink % 64 * 16 + (uintptr_t) path % 7 * 16);
  KEEP(room);
  descend(path + 1);
  KEEP(room);
}

__attribute__((noinline)) static void
aligned(const char *path)
{
  char room[256] __attribute__((aligned(128)));
  KEEP(room);
  descend(path + 1);
  KEEP(room);
}

/* gcc reaches the caller's frame through a register of its own here, saved in
   the frame (DRAP: dynamic realign argument pointer). */
__attribute__((noinline)) static void
aligned_and_moving(const char *path)
{
  char room[256] __attribute__((aligned(64)));
  char *more = alloca(16 + (uintptr_t) path % 5 * 32);
  KEEP(room);
  KEEP(more);
  descend(path + 1);
  KEEP(room);
}

void (*const FRAMES[FRAME_SHAPES])(const char *path) = {
    small, large, saving, moving, aligned, aligned_and_moving};
