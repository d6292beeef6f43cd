/* fake_sys.h -- the real system calls, watched and disturbed by a test. */

#ifndef FAKE_SYS_H
#define FAKE_SYS_H

#include <stdbool.h>
#include <stddef.h>

/* What happens to the next writes, one after another, until the list's end:
   ALL lets the write through, a negative errno is returned instead, a positive
   number is the most that gets through. */
enum { FAKE_WRITE_ALL = 1 << 30 };
extern const int *fake_writes;
extern size_t fake_writes_left;

extern unsigned fake_writes_made;    /* that reached the kernel */
extern size_t fake_longest_write;    /* asked for */
extern bool fake_open_refuses;       /* /proc/self/fd/... with EACCES */

/* Called before each write and each poll, if set. */
extern void (*fake_before_write)(void);
extern void (*fake_before_poll)(void);

#endif
