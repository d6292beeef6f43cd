/* frame_rules.c -- how to get from a frame to its caller, learned from
   libunwind. */

#include "hook/frame_rules.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libunwind-x86_64.h>
#include <stdatomic.h>
#include <string.h>

#include "base/sys.h"
#include "books/modules.h"
#include "hook/unwind_tables.h"

struct dm_rule_place (*dm_rule_cache)[DM_RULE_WAYS];
unsigned dm_rule_lines = 256;
_Atomic uint32_t dm_rules_generation;

/* libunwind's functions, by the names its remote library gives them. */
static struct
{
  __typeof__(unw_create_addr_space) *create_addr_space;
  __typeof__(unw_set_caching_policy) *set_caching_policy;
  __typeof__(unw_init_remote) *init_remote;
  __typeof__(unw_step) *step;
  __typeof__(unw_get_reg) *get_reg;
  __typeof__(unw_is_signal_frame) *is_signal_frame;
  dm_search_table *search_table;
} lib;

static unw_addr_space_t space;

/* Threads inside libunwind, and whether a fork keeps new ones out. */
static _Atomic unsigned inside;
static _Atomic bool forking;
static bool unusable;

/* ------------------------------------------------------------------------
   Made-up registers. A value is a tag in the top bits and, below, the offset
   from where the register's own window begins. */

enum
{
  TAG_RSP = 1, /* rsp + offset */
  TAG_RBP = 2,
  TAG_AT_RSP = 3, /* the word at rsp + offset */
  TAG_AT_RBP = 4,
  TAG_AT_AT_RBP = 5 /* the word at (the word at rbp + x) + offset */
};
enum
{
  TAG_SHIFT = 58,
  WINDOW_BITS = 34
};

/* What libunwind asks for while one frame is learned, or a stack walked. */
struct request
{
  bool made_up;
  uintptr_t pc;
  uint64_t rsp, rbp;   /* made up, or those of the thread */
  uint64_t other[16];  /* the thread's other registers */
  uint16_t known;      /* a bit for each that is known */
  uintptr_t low, high; /* readable stack, when not made up */
  bool no_table;       /* there was no unwind information */
  uint64_t indirect;   /* the word that TAG_AT_AT_RBP goes through */
};

/* Two sets of made-up registers. They differ in their lowest bits, so that
   masking them gives different offsets. */
static const uint64_t made_up_low[2] = {0x1000, 0x2f78};

static uint64_t
tagged(unsigned tag, uint64_t low)
{
  return (uint64_t) tag << TAG_SHIFT | UINT64_C(1) << (WINDOW_BITS - 1) | low;
}

static unsigned
tag_of(uint64_t value)
{
  return (unsigned) (value >> TAG_SHIFT);
}

/* The signed distance of VALUE from the start of its window, where REGISTER_
   is what the register was given. */
static int64_t
distance(uint64_t value, uint64_t register_)
{
  uint64_t mask = (UINT64_C(1) << TAG_SHIFT) - 1;
  return (int64_t) ((value & mask) - (register_ & mask));
}

static int
read_made_up(struct request *request, uint64_t address, unw_word_t *value)
{
  uint64_t mask = (UINT64_C(1) << TAG_SHIFT) - 1;
  switch (tag_of(address))
  {
  case TAG_RSP:
    *value = (uint64_t) TAG_AT_RSP << TAG_SHIFT | (address & mask);
    return 0;
  case TAG_RBP:
    *value = (uint64_t) TAG_AT_RBP << TAG_SHIFT | (address & mask);
    return 0;
  case TAG_AT_RBP:
    *value = (uint64_t) TAG_AT_AT_RBP << TAG_SHIFT | (address & mask);
    return 0;
  case 0:
    *value = *(const unw_word_t *) address; /* code or unwind tables */
    return 0;
  default:
    (void) request;
    return -UNW_EINVAL;
  }
}

static int
access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *value,
           int write, void *arg)
{
  struct request *request = arg;
  (void) as;
  if (write)
    return -UNW_EINVAL;
  if (request->made_up)
    return read_made_up(request, address, value);
  /* The stack, or a module's read-only data; nothing else is known to be
     mapped. */
  bool stack = address >= request->low && address + 8 <= request->high;
  if (!stack && dm_modules_find(address) == 0)
    return -UNW_EINVAL;
  *value = *(const unw_word_t *) address;
  return 0;
}

static int
access_reg(unw_addr_space_t as, unw_regnum_t number, unw_word_t *value,
           int write, void *arg)
{
  const struct request *request = arg;
  (void) as;
  if (write)
    return -UNW_EREADONLYREG;
  if (number == UNW_X86_64_RIP)
    *value = request->pc;
  else if (number == UNW_X86_64_RSP)
    *value = request->rsp;
  else if (number == UNW_X86_64_RBP)
    *value = request->rbp;
  else if (number >= 0 && number < 16 && request->known >> number & 1)
    *value = request->other[number];
  else
    return -UNW_EBADREG;
  return 0;
}

static int
find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *info,
               int need_unwind_info, void *arg)
{
  int result = dm_unwind_table_search(lib.search_table, as, ip, info,
                                      need_unwind_info, arg);
  if (result < 0)
    ((struct request *) arg)->no_table = true;
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

/* Returns false when a fork is under way. */
static bool
enter(void)
{
  atomic_fetch_add(&inside, 1);
  if (!atomic_load(&forking) && !unusable)
    return true;
  atomic_fetch_sub(&inside, 1);
  return false;
}

static void
leave(void)
{
  atomic_fetch_sub(&inside, 1);
}

void
dm_rules_before_fork(void)
{
  atomic_store(&forking, true);
  /* Those inside need a few microseconds; one that was preempted, longer.
     It would be found in the child, where libunwind is then not used. */
  uint64_t limit = dm_sys_clock_ns(CLOCK_MONOTONIC) + 20000000;
  while (atomic_load(&inside) != 0 && dm_sys_clock_ns(CLOCK_MONOTONIC) < limit)
    ;
}

void
dm_rules_after_fork(bool child)
{
  if (child && atomic_load(&inside) != 0)
    unusable = true;
  if (child)
    atomic_store(&inside, 0);
  atomic_store(&forking, false);
}

/* ------------------------------------------------------------------------
   Learning. */

static dm_rule
pack(enum dm_rule_kind kind, enum dm_rule_rbp rbp, int64_t offset,
     int64_t rbp_offset)
{
  if (offset % 8 || rbp_offset % 8 || offset / 8 < -(1 << 23) ||
      offset / 8 >= 1 << 23 || rbp_offset / 8 < -(1 << 19) ||
      rbp_offset / 8 >= 1 << 19)
    return DM_RULE_OPAQUE;
  return (uint64_t) kind | (uint64_t) rbp << 3 |
         ((uint64_t) (offset / 8) & 0xffffff) << 5 |
         ((uint64_t) (rbp_offset / 8) & 0xfffff) << 29;
}

/* The caller's registers after a step out of a made-up frame. */
struct stepped
{
  uint64_t ip, rsp, rbp;
};

/* Where rbp went, given where the caller's frame is. */
static dm_rule
rule_with_rbp(const struct request *request, const struct stepped *to,
              enum dm_rule_kind kind, int64_t offset)
{
  int64_t at_rsp = distance(to->rbp, request->rsp);
  int64_t at_rbp = distance(to->rbp, request->rbp);
  if (to->rbp == request->rbp)
    return pack(kind, DM_RBP_SAME, offset, 0);
  /* Most often it is saved next to the return address. */
  if (tag_of(to->rbp) == TAG_AT_RSP)
    return kind == DM_RULE_RSP
               ? pack(kind, DM_RBP_AT_CFA, offset, at_rsp - offset)
               : pack(kind, DM_RBP_AT_RSP, offset, at_rsp);
  if (tag_of(to->rbp) == TAG_AT_RBP)
    return kind == DM_RULE_RBP
               ? pack(kind, DM_RBP_AT_CFA, offset, at_rbp - offset)
               : pack(kind, DM_RBP_AT_RBP, offset, at_rbp);
  return DM_RULE_OPAQUE;
}

/* What a step shows. The return address must come from where the architecture
   has it: the word below the caller's frame, or the signal frame. */
static dm_rule
rule_of_step(const struct request *request, const struct stepped *to)
{
  int64_t from_rsp = distance(to->rsp, request->rsp);
  int64_t from_rbp = distance(to->rsp, request->rbp);
  int64_t ip_rsp = distance(to->ip, request->rsp);
  int64_t ip_rbp = distance(to->ip, request->rbp);
  switch (tag_of(to->rsp))
  {
  case TAG_RSP:
    if (tag_of(to->ip) == TAG_AT_RSP && ip_rsp == from_rsp - 8)
      return rule_with_rbp(request, to, DM_RULE_RSP, from_rsp);
    break;
  case TAG_RBP:
    if (tag_of(to->ip) == TAG_AT_RBP && ip_rbp == from_rbp - 8)
      return rule_with_rbp(request, to, DM_RULE_RBP, from_rbp);
    break;
  case TAG_AT_RBP:
    if (tag_of(to->ip) == TAG_AT_AT_RBP && ip_rbp == from_rbp - 8)
      return rule_with_rbp(request, to, DM_RULE_AT_RBP, from_rbp);
    break;
  case TAG_AT_RSP:
    if (tag_of(to->ip) == TAG_AT_RSP && ip_rsp == from_rsp + 8)
      return rule_with_rbp(request, to, DM_RULE_SIGNAL, from_rsp);
    break;
  }
  return DM_RULE_OPAQUE;
}

static dm_rule
learn_once(uintptr_t pc, unsigned set)
{
  struct request request = {
      .made_up = true,
      .pc = pc,
      .rsp = tagged(TAG_RSP, made_up_low[set]),
      .rbp = tagged(TAG_RBP, made_up_low[set]),
  };
  unw_cursor_t cursor;
  if (lib.init_remote(&cursor, space, &request) < 0)
    return DM_RULE_END;
  int result = lib.step(&cursor);
  if (request.no_table)
    return DM_RULE_GUESS;
  if (result == 0)
    return DM_RULE_END;
  struct stepped to = {0, 0, 0};
  if (result < 0 || lib.get_reg(&cursor, UNW_X86_64_RIP, &to.ip) < 0 ||
      lib.get_reg(&cursor, UNW_X86_64_RSP, &to.rsp) < 0 ||
      lib.get_reg(&cursor, UNW_X86_64_RBP, &to.rbp) < 0)
    return DM_RULE_OPAQUE;
  return rule_of_step(&request, &to);
}

static void
remember(uintptr_t pc, dm_rule rule)
{
  static _Atomic unsigned victim;
  struct dm_rule_place *line = dm_rule_cache[dm_rule_line(pc)];
  unsigned way = 0;
  while (way < DM_RULE_WAYS &&
         __atomic_load_n(&line[way].rule, __ATOMIC_RELAXED) != 0)
    way++;
  if (way == DM_RULE_WAYS)
    way = atomic_fetch_add_explicit(&victim, 1, memory_order_relaxed) %
          DM_RULE_WAYS;
  __atomic_store_n(&line[way].tag, pc ^ rule, __ATOMIC_RELAXED);
  __atomic_store_n(&line[way].rule, rule, __ATOMIC_RELAXED);
}

/* Makes room for one more rule: half of the places stay free, for rules fall
   unevenly on the lines. */
static void
grow(void)
{
  static _Atomic unsigned learned;
  unsigned lines = __atomic_load_n(&dm_rule_lines, __ATOMIC_RELAXED);
  if (lines < DM_RULE_LINES &&
      atomic_fetch_add_explicit(&learned, 1, memory_order_relaxed) >=
          lines * DM_RULE_WAYS / 2)
    __atomic_store_n(&dm_rule_lines, lines * 4, __ATOMIC_RELAXED);
}

dm_rule
dm_rule_learn(uintptr_t pc)
{
  unsigned module = dm_modules_find(pc);
  /* Code that no file holds may change at any time, so nothing is learned. */
  if (module == 0)
    return DM_RULE_GUESS;
  if (!enter())
    return DM_RULE_UNKNOWN | (uint64_t) module << 52;
  int saved_errno = errno; /* libunwind maps memory through libc */
  dm_rule rule = learn_once(pc, 0);
  if (rule != learn_once(pc, 1))
    rule = DM_RULE_OPAQUE;
  errno = saved_errno;
  leave();
  rule |= (uint64_t) module << 52;
  grow();
  remember(pc, rule);
  return rule;
}

static void
forget_place(struct dm_rule_place *place, unsigned module)
{
  dm_rule rule = __atomic_load_n(&place->rule, __ATOMIC_RELAXED);
  if (dm_rule_module(rule) != module)
    return;
  __atomic_store_n(&place->rule, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&place->tag, 0, __ATOMIC_RELAXED);
}

void
dm_rules_forget(unsigned module)
{
  for (unsigned i = 0; i < DM_RULE_LINES; i++)
    for (unsigned way = 0; way < DM_RULE_WAYS; way++)
      forget_place(&dm_rule_cache[i][way], module);
  atomic_fetch_add_explicit(&dm_rules_generation, 1, memory_order_relaxed);
}

/* ------------------------------------------------------------------------
   Whole stacks. */

unsigned
dm_rules_whole_stack(const struct dm_caller *caller, uintptr_t high,
                     uintptr_t *addresses, bool *interrupted, unsigned max)
{
  struct request request = {.low = (uintptr_t) caller->slot};
  /* Where the end is not known, a megabyte is a bound for what one bad step
     may read; the steps themselves only go up. */
  request.high = high ? high : request.low + (1 << 20);
  dm_unwind_registers(request.other, &request.known);
  request.pc = request.other[DM_UNWIND_RIP];
  request.rsp = request.other[UNW_X86_64_RSP];
  request.rbp = request.other[UNW_X86_64_RBP];
  request.low = request.rsp;

  if (!enter())
    return 0;
  unsigned count = 0;
  unw_cursor_t cursor;
  if (lib.init_remote(&cursor, space, &request) == 0)
  {
    bool ours = true, signal = false;
    while (count < max && lib.step(&cursor) > 0)
    {
      unw_word_t ip, rsp;
      if (lib.get_reg(&cursor, UNW_X86_64_RIP, &ip) < 0 ||
          lib.get_reg(&cursor, UNW_X86_64_RSP, &rsp) < 0 || ip == 0)
        break;
      /* Our own frames end where the allocator function returns to. */
      ours = ours && rsp != (uintptr_t) (caller->slot + 1);
      if (ours)
        continue;
      addresses[count] = ip;
      interrupted[count++] = signal;
      signal = lib.is_signal_frame(&cursor) > 0;
    }
  }
  leave();
  return count;
}

/* ------------------------------------------------------------------------ */

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
    fd[i] = dm_sys_open("/proc/self/exe", O_PATH, 0);
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

bool
dm_rules_make_cache(void)
{
  unusable = true;
  dm_rule_cache = dm_sys_map(DM_RULE_LINES * sizeof *dm_rule_cache);
  return dm_rule_cache != NULL;
}

const char *
dm_rules_init(void)
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
  unusable = false;
  return NULL;
}
