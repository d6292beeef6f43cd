/* thread.c -- what the hook keeps for each thread. */

#include "hook/thread.h"

#include <stdatomic.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rare.h"
#include "base/sys.h"
#include "base/uninherited.h"

__thread struct dm_thread_here dm_thread_here
    __attribute__((tls_model("initial-exec")));
bool dm_thread_usual;
size_t dm_thread_unusual_size;

/* By thread pointer, open addressing. Twice the room that is ever used. */
enum
{
  PLACES = 2 * DM_THREADS_MAX
};
static DM_RARE _Atomic(struct dm_thread *) places[PLACES];
static _Atomic unsigned count;

static struct dm_thread *
make_thread(uintptr_t pointer)
{
  if (atomic_load(&count) >= DM_THREADS_MAX)
    return NULL;
  /* The ledger first: it is most of the memory, and can be given back. */
  struct dm_ledger *ledger = dm_ledger_make();
  if (!ledger)
    return NULL;
  struct dm_thread *thread = dm_arena_alloc(sizeof *thread, 64);
  if (!thread || !dm_memo_init(&thread->memo))
  {
    dm_ledger_give_back(ledger);
    return NULL;
  }
  dm_ledger_list(ledger);
  atomic_fetch_add(&count, 1);
  thread->pointer = pointer;
  thread->ledger = ledger;
  return thread;
}

/* The place of the thread known by POINTER, made when there is none. A signal
   handler may make it while we are at it: then its one counts. */
static struct dm_thread *
find_thread(uintptr_t pointer)
{
  struct dm_thread *made = NULL;
  /* Thread pointers are 64-byte aligned at least and often 8 MiB apart. */
  size_t i = (pointer >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 40;
  for (;; i++)
  {
    _Atomic(struct dm_thread *) *place = &places[i % PLACES];
    struct dm_thread *thread =
        atomic_load_explicit(place, memory_order_acquire);
    if (!thread)
    {
      if (!made && !(made = make_thread(pointer)))
        return NULL;
      if (atomic_compare_exchange_strong(place, &thread, made))
        return made;
    }
    if (thread->pointer == pointer)
      return thread;
  }
}

/* What THREAD's predecessor knew of its stack is of no use: it may be another
   one, and the predecessor may have ended in the middle of a walk. */
static void
forget_stack(struct dm_thread *thread)
{
  thread->kept.count = 0;
  thread->kept.walking = 0;
  thread->stack_low = UINTPTR_MAX;
  thread->stack_high = 0;
  thread->memo.salt += UINT64_C(1) << 32;
}

struct dm_thread *
dm_thread_enter(void)
{
  static __thread bool entered __attribute__((tls_model("initial-exec")));
  /* The second in which there was no place for this thread. Each call of malloc
     comes here then; it asks the kernel for memory once a second. */
  static __thread uint32_t refused __attribute__((tls_model("initial-exec")));
  if (refused && refused == dm_clock_slice())
    return NULL;
  struct dm_thread *thread =
      find_thread((uintptr_t) __builtin_thread_pointer());
  refused = thread ? 0 : dm_clock_slice();
  if (thread && !entered)
    forget_stack(thread);
  entered = thread != NULL;
  if (!dm_thread_usual || !thread)
    return thread;
  /* In this order, for a signal handler that allocates in between. */
  dm_thread_here.place = thread;
  atomic_signal_fence(memory_order_seq_cst);
  dm_thread_here.unusual_size = dm_thread_unusual_size;
  return thread;
}

bool
dm_thread_init(uintptr_t stack_end)
{
  struct dm_thread *thread = dm_thread_enter();
  if (!thread)
    return false;
  /* The kernel keeps more than this free below a main stack, so a stack
     pointer that near to the end is in it, and all above is mapped. */
  enum
  {
    MAIN_STACK = 64 << 20
  };
  thread->stack_low = stack_end - MAIN_STACK;
  thread->stack_high = stack_end + sizeof(uintptr_t);
  return true;
}

static DM_UNINHERITED _Atomic bool emergency_taken;

struct dm_ledger *
dm_emergency_begin(struct dm_signals *signals)
{
  dm_sys_block_signals(signals);
  while (atomic_exchange_explicit(&emergency_taken, true, memory_order_acquire))
    ;
  return dm_ledger_emergency;
}

void
dm_emergency_end(const struct dm_signals *signals)
{
  atomic_store_explicit(&emergency_taken, false, memory_order_release);
  dm_sys_restore_signals(signals);
}

void
dm_thread_after_fork(void)
{
  atomic_store(&emergency_taken, false);
}
