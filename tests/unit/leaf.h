/* leaf.h -- the end of a path through frames.h: what malloc is in a real
   program. It compares the stack that the unwinder sees with what others see.
 */

#ifndef DM_TESTS_UNIT_LEAF_H
#define DM_TESTS_UNIT_LEAF_H

#include <stdbool.h>

#include "hook/stack_memo.h"

/* Empty books, and the real libunwind. */
void leaf_setup(void);

/* Whether it compares with libunwind's own backtrace instead of glibc's. */
extern bool leaf_asks_libunwind;

/* Stacks that were seen in different ways. */
extern _Atomic unsigned leaf_differing;

/* The last caller of the leaf in this thread. */
extern __thread struct dm_caller leaf_caller;

/* SIGUSR1, which a path's letter s raises, walks the rest of the path; FLAGS as
   for sigaction. */
void leaf_catch(int flags);

/* Walks PATH; the test fails when a stack differs. The letters: see descend in
   leaf.c. */
void check_path(const char *path);

/* Puts a random path of LENGTH of the LETTERS into PATH. */
void make_path(unsigned long *state, const char *letters, unsigned length,
               char *path);

#endif
