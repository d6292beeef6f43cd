/* doorkeeper.h -- who was here before?

   Where room is scarce, a stack that comes once must not take the place of one
   that comes again and again. So each hash that asks leaves a mark, and the
   answer is whether its mark was there. (The idea is TinyLFU's: G. Einziger,
   R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy",
   2017. There it is a Bloom filter that is emptied at times; here a table of
   16-bit marks of which a new one overwrites an old one, so that it ages by
   itself.)

   A mark of another hash is taken for one's own in one of 32,768 cases; a mark
   that was overwritten meanwhile is missed, and the stack must come once more.
   Two threads at once may lose a mark: the same. */

#ifndef DM_BOOKS_DOORKEEPER_H
#define DM_BOOKS_DOORKEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes room for at least WANTED marks, 2 bytes each, touched only when one is
   left. Returns 0 or a negative errno. Called once. */
int dm_doorkeeper_init(size_t wanted);

/* Whether HASH, of which the lower 48 bits count, left its mark before; now it
   has.
   Thread-safe, Signal-safe. */
bool dm_doorkeeper_knows(uint64_t hash);

#endif
