/* unwind_tables.h -- where libunwind finds a module's unwind information.

   _dl_find_object names the module's .eh_frame_hdr without a lock. Its sorted
   table is searched here, and libunwind is handed the one entry that matters:
   that is quicker than its own search through a callback a word. */

#ifndef DM_HOOK_UNWIND_TABLES_H
#define DM_HOOK_UNWIND_TABLES_H

#include <libunwind-x86_64.h>
#include <stdbool.h>
#include <stdint.h>

/* Finds the entry for the function at IP: TABLE has no other, and the bounds of
   the module. Returns false when there is none. */
bool dm_unwind_table_find(unw_word_t ip, unw_dyn_info_t *table);

/* The registers at this very point, by libunwind's numbers, and the place of
   the instruction pointer among them. KNOWN gets a bit for each that a
   function must preserve, and rsp. Always inlined: the registers are those of
   the function that uses it. */
enum
{
  DM_UNWIND_RIP = 8
}; /* r8 is not preserved: its place is free */

static inline __attribute__((always_inline)) void
dm_unwind_registers(uint64_t registers[16], uint16_t *known)
{
  __asm__ volatile("movq %%rbx, 24(%0)\n\t"
                   "movq %%rbp, 48(%0)\n\t"
                   "movq %%rsp, 56(%0)\n\t"
                   "movq %%r12, 96(%0)\n\t"
                   "movq %%r13, 104(%0)\n\t"
                   "movq %%r14, 112(%0)\n\t"
                   "movq %%r15, 120(%0)\n\t"
                   "leaq 0(%%rip), %%rax\n\t"
                   "movq %%rax, 64(%0)"
                   :
                   : "r"(registers)
                   : "rax", "memory");
  *known = 1 << 3 | 1 << 6 | 1 << 7 | 0xf000;
}

#endif
