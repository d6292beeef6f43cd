/* libunwind.c -- what libunwind knows of frames and stacks. */

#include "hook/libunwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libunwind-x86_64.h>
#include <stdatomic.h>
#include <string.h>

#include "base/chain.h"
#include "base/sys.h"
#include "base/uninherited.h"
#include "hook/unwind_tables.h"

/* Its reader of an unwind table: exported, used by debuggers, but in no header
   of its own. */
typedef int search_table(unw_addr_space_t space, unw_word_t ip,
                         unw_dyn_info_t *table, unw_proc_info_t *info,
                         int need_unwind_info, void *arg);

/* Its functions, by the names its remote library gives them. */
static struct
{
  __typeof__(unw_create_addr_space) *create_addr_space;
  __typeof__(unw_set_caching_policy) *set_caching_policy;
  __typeof__(unw_init_remote) *init_remote;
  __typeof__(unw_step) *step;
  __typeof__(unw_reg_states_iterate) *reg_states_iterate;
  __typeof__(unw_apply_reg_state) *apply_reg_state;
  __typeof__(unw_get_reg) *get_reg;
  __typeof__(unw_is_signal_frame) *is_signal_frame;
  search_table *search_table;
} lib;

static unw_addr_space_t space;

/* Threads inside libunwind, and whether a fork keeps new ones out. */
static _Atomic unsigned inside;
static DM_UNINHERITED _Atomic bool forking;

/* Whether libunwind may be used in this process. A child has a copy of its
   pool, and of the count of those inside: where that is not 0 the pool may be
   locked for ever, and the count stays, for the child's own children. */
enum use
{
  UNKNOWN, /* a child that has not looked */
  FREE,
  LOST
};
static DM_UNINHERITED _Atomic enum use use;

/* Where words may be read: from START on, at ROOM addresses. */
struct span
{
  uintptr_t start, room;
};

/* What it is asked for, and what it may read for that. */
struct dm_libunwind_request
{
  uintptr_t pc;
  uint64_t registers[16]; /* by its numbers */
  uint16_t known;         /* a bit for each of them that is known */
  bool has_table;         /* there was unwind information */
  struct span code;       /* the module that it is in */
  struct span stack;      /* what is known of it */
  struct span page;       /* where a word was read last that lies elsewhere */
  dm_row_visitor *visit; /* NULL when a stack is walked, which is real; */
  void *visit_arg;
  dm_trial_word *word; /* of a stack that is made up, or NULL, */
  unsigned number;     /* for this trial */
};

/* The words from LOW up to HIGH: none when that is the lower one. */
static struct span
span_of(uintptr_t low, uintptr_t high)
{
  uintptr_t size = high < low ? 0 : high - low;
  return (struct span){
      low, size < sizeof(unw_word_t) ? 0 : size - sizeof(unw_word_t) + 1};
}

static inline bool
is_in(const struct span *span, uintptr_t address)
{
  return address - span->start < span->room;
}

/* Whether a word that nothing is known of may be read: the kernel is asked,
   once for what lies on one page. */
static bool
is_readable(struct dm_libunwind_request *request, uintptr_t address)
{
  enum
  {
    PAGE = 4096
  };
  if (is_in(&request->page, address))
    return true;
  if (!dm_sys_can_read((const void *) address))
    return false;
  uintptr_t page = address / PAGE * PAGE;
  request->page = span_of(page, page + PAGE);
  return true;
}

/* A word that is not of the module's. */
static __attribute__((noinline)) int
access_stack(struct dm_libunwind_request *request, unw_word_t address,
             unw_word_t *value)
{
  if (request->word)
    return (*value = request->word(request->number, address)) ? 0 : -UNW_EINVAL;
  if (request->visit)
    return -UNW_EINVAL; /* between two trials there is no stack */
  if (!is_in(&request->stack, address) && !is_readable(request, address))
    return -UNW_EINVAL;
  *value = *(const unw_word_t *) address;
  return 0;
}

/* Called for each byte of unwind information, some hundred times a row. */
static int
access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *value,
           int write, void *arg)
{
  struct dm_libunwind_request *request = arg;
  (void) as;
  if (write)
    return -UNW_EINVAL;
  if (!is_in(&request->code, address))
    return access_stack(request, address, value);
  *value = *(const unw_word_t *) address;
  return 0;
}

static int
access_reg(unw_addr_space_t as, unw_regnum_t number, unw_word_t *value,
           int write, void *arg)
{
  const struct dm_libunwind_request *request = arg;
  (void) as;
  if (number == UNW_X86_64_RIP)
    *value = request->pc;
  else if (number >= 0 && number < 16 && request->known >> number & 1)
    *value = request->registers[number];
  else
    return -UNW_EINVAL;
  return write ? -UNW_EREADONLYREG : 0;
}

static int
find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *info,
               int need_unwind_info, void *arg)
{
  struct dm_libunwind_request *request = arg;
  unw_dyn_info_t table;
  if (!dm_unwind_table_find(ip, &table))
    return -UNW_ENOINFO;
  request->code = span_of(table.start_ip, table.end_ip);
  int result = lib.search_table(as, ip, &table, info, need_unwind_info, arg);
  request->has_table = result >= 0;
  return result;
}

static void
put_unwind_info(unw_addr_space_t as, unw_proc_info_t *info, void *arg)
{
  (void) as, (void) info, (void) arg;
}

static int
no_dyn_info(unw_addr_space_t as, unw_word_t *address, void *arg)
{
  (void) as, (void) address, (void) arg;
  return -UNW_ENOINFO;
}

static int
no_fpreg(unw_addr_space_t as, unw_regnum_t number, unw_fpreg_t *value,
         int write, void *arg)
{
  (void) as, (void) number, (void) value, (void) write, (void) arg;
  return -UNW_EBADREG;
}

static int
no_resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
  (void) as, (void) cursor, (void) arg;
  return -UNW_EINVAL;
}

static int
no_name(unw_addr_space_t as, unw_word_t address, char *buffer, size_t size,
        unw_word_t *offset, void *arg)
{
  (void) as, (void) address, (void) buffer, (void) size, (void) offset;
  (void) arg;
  return -UNW_ENOINFO;
}

/* ------------------------------------------------------------------------
   Entering libunwind. */

static bool
may_be_used(void)
{
  enum use seen = UNKNOWN;
  /* Who comes in does so after this, so the count is still the parent's. */
  if (atomic_load(&use) == UNKNOWN)
  {
    bool lost = !space || atomic_load(&inside) != 0;
    atomic_compare_exchange_strong(&use, &seen, lost ? LOST : FREE);
  }
  return atomic_load(&use) == FREE;
}

static void
leave(uint64_t signals)
{
  atomic_fetch_sub(&inside, 1);
  dm_sys_release_signals(signals);
}

/* Returns false when a fork is under way, or was at the wrong moment. Until
   leave no signal is handled here: a handler might jump away, or fork. */
static bool
enter(uint64_t *signals)
{
  if (!may_be_used())
    return false;
  *signals = dm_sys_hold_signals();
  atomic_fetch_add(&inside, 1);
  if (!atomic_load(&forking))
    return true;
  leave(*signals);
  return false;
}

void
dm_libunwind_before_fork(void)
{
  atomic_store(&forking, true);
  /* Those inside need a few microseconds; one that was preempted, longer.
     It would be found in the child, where libunwind is then not used. */
  uint64_t limit = dm_sys_clock_ns(CLOCK_MONOTONIC) + 20000000;
  while (may_be_used() && atomic_load(&inside) != 0 &&
         dm_sys_clock_ns(CLOCK_MONOTONIC) < limit)
    ;
}

void
dm_libunwind_after_fork(bool child)
{
  if (child)
    atomic_store(&use, UNKNOWN);
  atomic_store(&forking, false);
}

/* ------------------------------------------------------------------------
   Rows. libunwind reads a function's whole program for them, with four system
   calls around its pool beside our two; each trial starts from what it made of
   a row. */

static void
step_out(const struct dm_unwind_row *row, struct dm_trial *trial)
{
  struct dm_libunwind_request *request = row->request;
  request->registers[UNW_X86_64_RSP] = trial->rsp;
  request->registers[UNW_X86_64_RBP] = trial->rbp;
  trial->result = DM_TRIAL_FAILED;
  unw_cursor_t cursor;
  if (lib.init_remote(&cursor, space, request) < 0)
    return;
  int result = lib.apply_reg_state(&cursor, row->steps);
  int rbp = lib.get_reg(&cursor, UNW_X86_64_RBP, &trial->caller.rbp);
  /* The stack ends where the return address is undefined, or rbp, as in
     unw_step; access_reg calls no register a bad one. */
  if (result == 0 || (result > 0 && rbp == -UNW_EBADREG))
    trial->result = DM_TRIAL_OUTERMOST;
  else if (result > 0 && rbp >= 0 &&
           lib.get_reg(&cursor, UNW_X86_64_RIP, &trial->caller.ip) >= 0 &&
           lib.get_reg(&cursor, UNW_X86_64_RSP, &trial->caller.rsp) >= 0)
    trial->result = DM_TRIAL_STEPPED;
}

void
dm_libunwind_try(const struct dm_unwind_row *row, dm_trial_word *word,
                 struct dm_trial trials[DM_TRIALS])
{
  row->request->word = word;
  for (unsigned i = 0; i < DM_TRIALS; i++)
  {
    row->request->number = i;
    step_out(row, &trials[i]);
  }
  row->request->word = NULL;
}

uint64_t
dm_libunwind_look(const struct dm_unwind_row *row)
{
  const char *byte = row->steps;
  size_t left = row->size;
  uint64_t look = 0, word = 0;
  for (; left > sizeof word; left -= sizeof word, byte += sizeof word)
  {
    memcpy(&word, byte, sizeof word);
    look = (look ^ word) * DM_CHAIN_FACTOR;
  }
  word = 0;
  memcpy(&word, byte, left);
  return (look ^ word) * DM_CHAIN_FACTOR;
}

static int
at_row(void *arg, void *steps, size_t size, unw_word_t start, unw_word_t end)
{
  struct dm_libunwind_request *request = arg;
  struct dm_unwind_row row = {{start, end}, steps, size, request};
  return request->visit(request->visit_arg, &row) ? 0 : -UNW_ESTOPUNWIND;
}

enum dm_rows
dm_libunwind_rows(uintptr_t pc, dm_row_visitor *visit, void *arg)
{
  struct dm_libunwind_request request = {
      .pc = pc,
      .known = 1 << UNW_X86_64_RSP | 1 << UNW_X86_64_RBP,
      .visit = visit,
      .visit_arg = arg,
  };
  uint64_t signals;
  if (!enter(&signals))
    return DM_ROWS_LATER;
  int saved_errno = errno; /* it maps memory through libc */
  unw_cursor_t cursor;
  if (lib.init_remote(&cursor, space, &request) >= 0)
    lib.reg_states_iterate(&cursor, at_row, &request);
  errno = saved_errno;
  leave(signals);
  return request.has_table ? DM_ROWS_VISITED : DM_ROWS_NONE;
}

/* ------------------------------------------------------------------------
   Whole stacks. */

static unsigned
walk(struct dm_libunwind_request *request, const struct dm_caller *caller,
     uintptr_t *addresses, bool *interrupted, unsigned max)
{
  unw_cursor_t cursor;
  unw_word_t ip, rsp;
  if (lib.init_remote(&cursor, space, request) != 0)
    return 0;
  unsigned count = 0;
  bool ours = true, signal = false;
  while (count < max && lib.step(&cursor) > 0 &&
         lib.get_reg(&cursor, UNW_X86_64_RIP, &ip) >= 0 &&
         lib.get_reg(&cursor, UNW_X86_64_RSP, &rsp) >= 0 && ip != 0)
  {
    /* Our own frames end where the allocator function returns to. */
    ours = ours && rsp != (uintptr_t) (dm_caller_slot(*caller) + 1);
    if (ours)
      continue;
    addresses[count] = ip;
    interrupted[count++] = signal;
    signal = lib.is_signal_frame(&cursor) > 0;
  }
  return count;
}

unsigned
dm_libunwind_stack(const struct dm_caller *caller, uintptr_t high,
                   uintptr_t *addresses, bool *interrupted, unsigned max)
{
  struct dm_libunwind_request request = {.visit = NULL};
  dm_unwind_registers(request.registers, &request.known);
  request.pc = request.registers[DM_UNWIND_RIP];
  /* Where the end is not known, it is all of ours. */
  request.stack =
      span_of(request.registers[UNW_X86_64_RSP],
              high ? high : (uintptr_t) (dm_caller_slot(*caller) + 1));
  uint64_t signals;
  if (!enter(&signals))
    return 0;
  int saved_errno = errno;
  unsigned count = walk(&request, caller, addresses, interrupted, max);
  errno = saved_errno;
  leave(signals);
  return count;
}

/* ------------------------------------------------------------------------
   Its start. */

static void
start_libunwind(void)
{
  lib.set_caching_policy(space, UNW_CACHE_NONE);
}

/* Calls START, which makes libunwind open a pipe for testing addresses. It is
   never used, for all reading is done by access_mem; so it is closed. It gets
   the two lowest free descriptors: those that we are given just before. */
static void
without_pipe(void (*start)(void))
{
  struct stat status[2];
  int fd[2];
  for (unsigned i = 0; i < 2; i++)
    fd[i] = dm_sys_open("/", O_PATH, 0);
  for (unsigned i = 0; i < 2; i++)
    if (fd[i] >= 0)
      dm_sys_close(fd[i]);
  start();
  if (fd[0] >= 0 && fd[1] >= 0 && dm_sys_fstat(fd[0], &status[0]) == 0 &&
      dm_sys_fstat(fd[1], &status[1]) == 0 && S_ISFIFO(status[0].st_mode) &&
      status[0].st_ino == status[1].st_ino)
    for (unsigned i = 0; i < 2; i++)
      dm_sys_close(fd[i]);
}

#define STRING(x) #x
#define NAME(x) STRING(x)

const char *
dm_libunwind_init(void)
{
  void *handle = dlopen("libunwind-x86_64.so.8", RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return "libunwind-x86_64.so.8 cannot be loaded";

  const struct
  {
    void *place;
    const char *name;
  } wanted[] = {
      {&lib.create_addr_space, NAME(unw_create_addr_space)},
      {&lib.set_caching_policy, NAME(unw_set_caching_policy)},
      {&lib.init_remote, NAME(unw_init_remote)},
      {&lib.step, NAME(unw_step)},
      {&lib.reg_states_iterate, NAME(unw_reg_states_iterate)},
      {&lib.apply_reg_state, NAME(unw_apply_reg_state)},
      {&lib.get_reg, NAME(unw_get_reg)},
      {&lib.is_signal_frame, NAME(unw_is_signal_frame)},
      {&lib.search_table, NAME(UNW_OBJ(dwarf_search_unwind_table))},
  };
  for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
  {
    void *found = dlsym(handle, wanted[i].name);
    if (!found)
      return "libunwind-x86_64.so.8 lacks a function";
    memcpy(wanted[i].place, &found, sizeof found);
  }

  static unw_accessors_t accessors = {
      find_proc_info, put_unwind_info, no_dyn_info, access_mem,
      access_reg,     no_fpreg,        no_resume,   no_name,
  };
  space = lib.create_addr_space(&accessors, 0);
  if (!space)
    return "libunwind gives no address space";
  without_pipe(start_libunwind);
  atomic_store(&use, FREE);
  return NULL;
}
