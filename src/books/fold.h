/* fold.h -- long recursion, made short.

   A recursive function gives a stack for every depth that it is called from,
   and all of them say the same. Folded, a run of frames that is repeated more
   than twice stands there twice: once would be taken for a plain call. */

#ifndef DM_BOOKS_FOLD_H
#define DM_BOOKS_FOLD_H

#include "books/frame.h"

enum
{
  DM_FOLD_PERIOD = 8 /* the longest run of frames that is recognised */
};

/* Writes the COUNT frames of FRAMES to FOLDED, which has room for as many, and
   leaves out every repetition of a run beyond the second. Returns how many
   frames are left; COUNT when nothing was repeated so often. Thread-safe,
   Signal-safe. */
unsigned dm_fold(const dm_frame *frames, unsigned count, dm_frame *folded);

#endif
