/* hidden.h -- variables that the hot path reads directly.

   The compiler cannot know that another file's variable is in this library, and
   would read its address from a table first. */

#ifndef DM_BASE_HIDDEN_H
#define DM_BASE_HIDDEN_H

#define DM_HIDDEN __attribute__((visibility("hidden")))

#endif
