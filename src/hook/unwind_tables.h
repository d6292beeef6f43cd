/* unwind_tables.h -- where libunwind finds a module's unwind information.

   _dl_find_object names the module's .eh_frame_hdr without a lock. Its sorted
   table is searched here, and libunwind is handed the one entry that matters:
   that is quicker than its own search through a callback a word. */

#ifndef DM_HOOK_UNWIND_TABLES_H
#define DM_HOOK_UNWIND_TABLES_H

#include <libunwind-x86_64.h>
#include <stdint.h>

/* libunwind's reader of an unwind table: exported, used by debuggers, but in
   no header of its own. */
typedef int dm_search_table(unw_addr_space_t space, unw_word_t ip,
                            unw_dyn_info_t *table, unw_proc_info_t *info,
                            int need_unwind_info, void *arg);

/* Finds the unwind information of the function at IP. Returns 0, or a negative
   UNW_ code when there is none. */
int dm_unwind_table_search(dm_search_table *search, unw_addr_space_t space,
                           unw_word_t ip, unw_proc_info_t *info,
                           int need_unwind_info, void *arg);

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
