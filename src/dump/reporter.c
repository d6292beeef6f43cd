/* reporter.c -- the thread that makes the dumps. */

#include "dump/reporter.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/alone.h"
#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/uninherited.h"
#include "dump/asked.h"
#include "dump/hurry.h"

enum
{
  STACK_SIZE = 128 * 1024,
  GUARD_SIZE = 4096,
  TLS_SIZE = 4096
};
enum
{
  READER_PATIENCE_MS = 5000,
  SOON_NS = 50000000,
  OWN_PATIENCE_MS = 1000
};

static uint64_t interval_ns;
static int request_signal;

/* Rung to wake the reporter; the futex that it sleeps on. */
static uint32_t bell;

/* What the reporter is told to do. */
enum orders
{
  STAY,
  LEAVE, /* at once; another one will serve what is asked for */
  FINISH /* serve it first: the process ends */
};
static _Atomic enum orders orders;

/* There is a reporter that will look at the requests again. */
static DM_UNINHERITED _Atomic bool running;

/* The kernel thread's id; the kernel clears it when the thread ends. */
static DM_UNINHERITED uint32_t thread_id;

/* Held while the reporter is being started or ended, with signals blocked: a
   handler would wait for its own thread. And how many threads are inside a call
   that wants none to be there. */
static DM_UNINHERITED _Atomic bool transition;
static DM_UNINHERITED _Atomic unsigned unwanted;

/* The process that may have one. A child of vfork shares our memory, and one of
   a bare clone has a copy, without being told by an atfork handler: neither has
   a reporter, and neither may touch what it believes to be one. */
static DM_UNINHERITED pid_t owner;

/* Stack and thread block, kept from one reporter to the next. */
static char *memory;

void
dm_reporter_init(uint64_t interval_ms, int signal_number)
{
  interval_ns = interval_ms * 1000000;
  request_signal = signal_number;
  owner = dm_sys_getpid();
}

static bool start_thread(void);

static void
ring(void)
{
  __atomic_fetch_add(&bell, 1, __ATOMIC_SEQ_CST);
  dm_sys_futex_wake(&bell);
}

static bool
is_strangers(void)
{
  return owner != dm_sys_getpid();
}

bool
dm_reporter_ask(int signal, uint32_t value)
{
  int place = is_strangers() ? -1 : dm_asked_put(signal, value);
  if (place < 0)
    return false;
  if (!start_thread())
  {
    /* Nobody will come. */
    dm_asked_take_back(place, signal, value);
    return false;
  }
  ring();
  return true;
}

/* A dump may take seconds, with names to be read and a reader to be waited for.
   Meanwhile nobody tells the threads the slice: they ask the clock. */
static void
dump(const struct dm_request *request)
{
  atomic_store_explicit(&dm_clock_tick, 0, memory_order_relaxed);
  dm_dump(request);
}

static void
serve_requests(void)
{
  struct dm_request request = {.trigger = DM_TRIGGER_SIGNAL, .fd = -1};
  for (unsigned i = 0; i < DM_ASKED_PLACES && orders != LEAVE; i++)
    if (dm_asked_take(i, &request.signal, &request.value))
    {
      request.patience_ms =
          request.value ? READER_PATIENCE_MS : OWN_PATIENCE_MS;
      dump(&request);
    }
}

/* "dmalloc:10" says which signal asks for a dump, to whoever looks at
   /proc/PID/task; "dmalloc:0" that none does, for the program has taken it. */
static void
name_thread(void)
{
  char buffer[16];
  struct dm_text name;
  bool ours = dm_sys_signal_is_caught(request_signal);
  dm_text_init(&name, buffer, sizeof buffer);
  dm_text_string(&name, "dmalloc:");
  dm_text_signed(&name, ours ? request_signal : 0);
  dm_text_char(&name, '\0');
  dm_sys_name_thread(buffer);
}

static void
dump_on_timer(void)
{
  struct dm_request request = {
      .trigger = DM_TRIGGER_TIMER,
      .fd = -1,
      .patience_ms = OWN_PATIENCE_MS,
  };
  dump(&request);
  name_thread();
}

/* The next multiple of the interval that is not over yet; a reporter that was
   held up does not make up for what it missed. */
static uint64_t
next_dump(uint64_t now_ns, uint64_t due_ns)
{
  if (now_ns < due_ns)
    return due_ns;
  return due_ns + (1 + (now_ns - due_ns) / interval_ns) * interval_ns;
}

/* Whether a reporter without an interval has nothing left to do. What is asked
   in the very moment that it leaves is seen here, or starts the next one. */
static bool
may_leave(void)
{
  bool expected = false;
  if (interval_ns != 0 || dm_asked_any())
    return false;
  atomic_store(&running, false);
  return !dm_asked_any() ||
         !atomic_compare_exchange_strong(&running, &expected, true);
}

static void
sleep_until(uint64_t deadline, uint32_t heard)
{
  if (orders == STAY)
    dm_sys_futex_wait(&bell, heard, deadline);
}

/* The life of a reporter with an interval: the tick, the requests, the periodic
   dumps. Returns the exit status of the process where nothing else is left of
   it; then it ends with this thread. */
static int
report_for_ever(void)
{
  uint64_t due = dm_clock_slice_start_ns(1) + interval_ns;
  due = next_dump(dm_sys_clock_ns(CLOCK_MONOTONIC), due);
  int status = -1;
  while (orders == STAY && (status = dm_alone_status()) < 0)
  {
    uint32_t heard = __atomic_load_n(&bell, __ATOMIC_SEQ_CST);
    serve_requests();
    uint64_t now = dm_sys_clock_ns(CLOCK_MONOTONIC);
    uint32_t slice = dm_clock_slice_at(now);
    atomic_store_explicit(&dm_clock_tick, slice, memory_order_relaxed);
    /* A program's first second brings most of its stacks. */
    bool soon = dm_dump_keep_up() || slice == 1;
    if (now >= due && orders == STAY)
    {
      dump_on_timer();
      due = next_dump(dm_sys_clock_ns(CLOCK_MONOTONIC), due);
      continue;
    }
    uint64_t wake = dm_clock_slice_start_ns(slice + 1);
    if (due < wake)
      wake = due;
    if (soon && now + SOON_NS < wake)
      wake = now + SOON_NS;
    sleep_until(wake, heard);
  }
  /* From here on the threads ask the clock themselves. */
  atomic_store_explicit(&dm_clock_tick, 0, memory_order_relaxed);
  return status < 0 ? 0 : status;
}

/* The last request of all, made when the process ends; and whether what was to
   be done then is done. */
static struct dm_request last_request;
static bool last_wanted;
static _Atomic bool finished;

static void
finish(void)
{
  serve_requests();
  if (last_wanted)
    dump(&last_request);
  atomic_store(&finished, true);
}

static int
report(void *unused)
{
  (void) unused;
  int status = 0;
  dm_sys_drop_privileges();
  dm_sys_leave_real_time();
  dm_sys_own_table();
  name_thread();
  if (interval_ns != 0)
    status = report_for_ever();
  else
    do
      serve_requests();
    while (orders == STAY && !may_leave());
  if (orders == FINISH)
    finish();
  return status;
}

/* Makes the memory of a reporter, once: a guard page, the stack, and the
   thread block. */
static bool
make_memory(void)
{
  if (memory)
    return true;
  memory = dm_sys_map(STACK_SIZE + TLS_SIZE);
  if (!memory)
    return false;
  dm_sys_protect_none(memory, GUARD_SIZE);
  return true;
}

static void
wait_for_exit(void)
{
  uint32_t now;
  while ((now = __atomic_load_n(&thread_id, __ATOMIC_ACQUIRE)) != 0)
    dm_sys_futex_wait_shared(&thread_id, now, 10000000);
}

/* Waits for another thread that starts or ends the reporter. Not for signal
   handlers: it may take long. */
static uint64_t
begin_transition(void)
{
  enum
  {
    NAP_NS = 100000
  };
  uint64_t signals = dm_sys_hold_signals();
  while (atomic_exchange(&transition, true))
    dm_sys_nap(NAP_NS);
  return signals;
}

static void
end_transition(uint64_t signals)
{
  atomic_store(&transition, false);
  dm_sys_release_signals(signals);
}

/* Starts a reporter where there is none, by whoever holds the transition. */
static bool
start_in_transition(void)
{
  if (atomic_load(&unwanted) != 0)
    return false;
  if (atomic_exchange(&running, true))
    return true;
  /* One that is leaving still has the stack, for microseconds. */
  wait_for_exit();
  bool started = false;
  if (make_memory())
  {
    /* The thread block begins in the middle of its page: libc's variables lie
       below it. */
    char *top = memory + STACK_SIZE;
    uintptr_t *block = (uintptr_t *) (top + TLS_SIZE / 2);
    dm_sys_copy_thread_block(block);
    atomic_store(&orders, STAY);
    started = dm_sys_clone_thread(report, top, NULL, block, &thread_id) >= 0;
  }
  if (!started)
  {
    thread_id = 0;
    atomic_store(&running, false);
  }
  return started;
}

/* Starts a reporter if there is none. Returns whether there is one now; while
   another thread starts or ends it, whether there was one. Signal-safe. */
static bool
start_thread(void)
{
  if (is_strangers())
    return false;
  uint64_t signals = dm_sys_hold_signals();
  bool mine = !atomic_exchange(&transition, true);
  bool started = mine ? start_in_transition() : atomic_load(&running);
  if (mine)
    atomic_store(&transition, false);
  dm_sys_release_signals(signals);
  return started;
}

bool
dm_reporter_start(void)
{
  return (interval_ns != 0 || dm_asked_any()) && start_thread();
}

/* Gives the reporter ORDERS to end, its dumps by PATIENCE_MS from now at the
   latest, and waits until the kernel has cleared its id. Returns the id that it
   had, or 0 when there was none of ours. */
static uint32_t
end_thread(enum orders how, unsigned patience_ms)
{
  if (is_strangers())
    return 0;
  uint64_t signals = begin_transition();
  uint32_t id = __atomic_load_n(&thread_id, __ATOMIC_ACQUIRE);
  if (id != 0)
  {
    atomic_store(&orders, how);
    dm_hurry(dm_sys_clock_ns(CLOCK_MONOTONIC) +
                    (uint64_t) patience_ms * 1000000);
    ring();
    wait_for_exit();
    atomic_store(&running, false);
    dm_hurry(UINT64_MAX);
  }
  end_transition(signals);
  return id;
}

void
dm_reporter_stop(void)
{
  uint32_t id = end_thread(LEAVE, 0);
  /* The kernel clears the id a little before it forgets the thread, and a call
     that counts threads would still see it. */
  while (id != 0 && dm_sys_thread_exists((pid_t) id))
    dm_sys_yield();
}

void
dm_reporter_pause(void)
{
  if (is_strangers())
    return;
  atomic_fetch_add(&unwanted, 1);
  dm_reporter_stop();
}

void
dm_reporter_resume(void)
{
  if (!is_strangers() && atomic_fetch_sub(&unwanted, 1) == 1)
    dm_reporter_start();
}

bool
dm_reporter_finish(const struct dm_request *last, unsigned patience_ms)
{
  if (last)
    last_request = *last;
  last_wanted = last != NULL;
  atomic_store(&finished, false);
  end_thread(FINISH, patience_ms);
  return atomic_load(&finished);
}

void
dm_reporter_after_fork(void)
{
  thread_id = 0;
  owner = dm_sys_getpid();
  atomic_store(&transition, false);
  atomic_store(&unwanted, 0);
  atomic_store(&running, false);
  atomic_store_explicit(&dm_clock_tick, 0, memory_order_relaxed);
  dm_asked_forget();
  dm_hurry(UINT64_MAX);
}
