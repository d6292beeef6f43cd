/* dmalloc.h -- ask the heap profiler from inside the program.

   The names are weak: the same binary runs with the profiler preloaded and
   without it. Without it dmalloc_present() is 0 and the other two return -1
   and do nothing. Nothing needs to be linked.

       #include <dmalloc.h>
       if (dmalloc_present())
         dmalloc_dump(2);
 */

#ifndef DMALLOC_H
#define DMALLOC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

  /* All in blocks or bytes, since the start of the process. */
  struct dmalloc_totals
  {
    uint64_t allocations;     /* blocks handed out */
    uint64_t frees;           /* blocks taken back */
    uint64_t live;            /* allocations - frees */
    uint64_t live_bytes;      /* as asked for by the program */
    uint64_t peak_bytes;      /* the highest live_bytes; each thread may be
                                 behind by 64 KiB at most */
    uint64_t allocated_bytes; /* all ever handed out */
    uint64_t reallocs_in_place;
    uint64_t reallocs_moved;
    uint64_t foreign_frees; /* frees of blocks that were not handed out
                               under the profiler */
  };

  /* 1 when the profiler is preloaded and tracks this process, else 0. */
  int dmalloc_present(void) __attribute__((weak));

  /* Writes a dump to descriptor FD in the format of DMALLOC_FORMAT, or to the
     process's own output when FD is -1. Returns 0, or -1 when there is no
     profiler or the dump could not be written whole. */
  int dmalloc_dump(int fd) __attribute__((weak));

  /* Fills *TOTALS. Returns 0, or -1 when there is no profiler (*TOTALS is then
     left alone). */
  int dmalloc_totals(struct dmalloc_totals *totals) __attribute__((weak));

/* A weak name without a definition is a null pointer; these see to that. */
#define dmalloc_present() (dmalloc_present ? dmalloc_present() : 0)
#define dmalloc_dump(fd) (dmalloc_dump ? dmalloc_dump(fd) : -1)
#define dmalloc_totals(totals) (dmalloc_totals ? dmalloc_totals(totals) : -1)

#ifdef __cplusplus
}
#endif
#endif
