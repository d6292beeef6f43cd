/* interpose.h -- whether the exported allocator functions record. */

#ifndef DM_HOOK_INTERPOSE_H
#define DM_HOOK_INTERPOSE_H

#include "base/hidden.h"

enum dm_mode
{
  DM_MODE_PASS, /* calls go through untouched */
  DM_MODE_RECORD,
  DM_MODE_TRACE /* and a line is written for each call */
};

/* Set once by init.c, last of all. A block that was handed out before it
   changed is foreign to us; one that was recorded is never forgotten. */
extern DM_HIDDEN enum dm_mode dm_mode;

#endif
