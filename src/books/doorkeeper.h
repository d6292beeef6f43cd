/* doorkeeper.h -- how often was somebody here lately?

   Where room is scarce, a stack that comes once must not take the place of one
   that comes again and again. So each hash that asks leaves a mark, and learns
   how many of its marks were there. (The idea is TinyLFU's: G. Einziger,
   R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy",
   2017. There it is a sketch that is halved at times.)

   A place holds the mark of one hash, with its count. Another hash that falls
   on that place takes 1 away, and gets the place when nothing is left (as in
   J. Misra, D. Gries, "Finding Repeated Elements", 1982). So the marks of the
   many that come once go by themselves, and what comes more often than others
   fall on its place is counted, however long it takes.

   A hash is taken for another in one of 16 million cases, if they share a
   place. Two threads at once may lose a mark: a stack must come once more. */

#ifndef DM_BOOKS_DOORKEEPER_H
#define DM_BOOKS_DOORKEEPER_H

#include <stddef.h>
#include <stdint.h>

enum
{
  DM_DOORKEEPER_MOST = 255 /* it counts no further */
};

/* Makes room for at least WANTED marks, 4 bytes each, touched only when one is
   left. Returns 0 or a negative errno. Called once. */
int dm_doorkeeper_init(size_t wanted);

/* How often HASH, of which the lower 56 bits count, was here lately, this time
   included. Thread-safe, Signal-safe. */
unsigned dm_doorkeeper_count(uint64_t hash);

#endif
