/* trace.h -- DMALLOC_TRACE=1: a line for each call, for short programs.

   dmalloc(4242): 0x7fd7de808200 = malloc(1536)
   dmalloc(4242): 0x7fd7de808200 = realloc(0x7fd7de503a10, 64)
   dmalloc(4242): free(0x7fd7de808200)

   The lines are written by the thread that made the call. */

#ifndef DM_HOOK_TRACE_H
#define DM_HOOK_TRACE_H

#include <stddef.h>

/* Where the lines go; set by init.c. */
extern void (*dm_trace_sink)(const char *line, size_t length);

void dm_trace_alloc(const char *function, const void *block, size_t size);
void dm_trace_realloc(const void *result, const void *block, size_t size);
void dm_trace_free(const void *block);

#endif
