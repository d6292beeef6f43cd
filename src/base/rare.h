/* rare.h -- static room that a start touches little of.

   It lies behind all other static variables (the library is linked with its
   sections in the order of their names), so that these lie on few pages: each
   costs every process a page fault. */

#ifndef DM_BASE_RARE_H
#define DM_BASE_RARE_H

#define DM_RARE __attribute__((section(".bss.rare")))

#endif
