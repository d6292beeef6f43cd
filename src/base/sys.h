/* sys.h -- the system calls that dmalloc makes, without libc.

   Everything here may run inside the program's own malloc call, inside a
   signal handler, or in the reporter, which is a kernel thread that glibc
   does not know. So nothing here touches errno, takes a lock or allocates.
   Each function returns what the kernel returned: a result, or a negative
   errno value such as -EAGAIN.

   All of them are Thread-safe and Signal-safe. */

#ifndef DM_BASE_SYS_H
#define DM_BASE_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* Pages of zeroed, private, readable and writable memory: LENGTH bytes,
   rounded up to whole pages. The pages cost nothing until they are touched.
   Returns NULL when the kernel refuses. What was mapped is counted in
   dm_sys_mapped_bytes. */
void *dm_sys_map(size_t length);
void dm_sys_unmap(void *start, size_t length);

/* The same for memory of which little may ever be used, here and there: a page
   that is touched never brings its neighbours in (no huge pages, and not locked
   with the rest of the process: mlockall would bring in all), and nothing is
   counted until dm_sys_use says that LENGTH bytes more are in use. Returns NULL
   when the kernel refuses. What was never said to be in use can be given back.
 */
void *dm_sys_reserve(size_t length);
void dm_sys_unreserve(void *start, size_t length);
void dm_sys_use(size_t length);

/* Bytes mapped by dm_sys_map and not unmapped again, and those reserved that
   are in use. */
size_t dm_sys_mapped_bytes(void);

/* Takes away all access to LENGTH bytes at START: a guard page. */
int dm_sys_protect_none(void *start, size_t length);

/* Whether the 8 bytes at ADDRESS may be read, asked of the kernel: it is told
   to set the signal mask from there in a way that does not exist, and says what
   is wrong first. Where a sandbox refuses that nothing may be read. */
bool dm_sys_can_read(const void *address);

/* Makes the LENGTH bytes at START, whole pages that no file is behind, zero in
   each child that fork copies. Needs Linux 4.14. */
int dm_sys_wipe_on_fork(void *start, size_t length);

/* FLAGS and MODE as open(2); O_CLOEXEC is always added. */
int dm_sys_open(const char *path, int flags, mode_t mode);
int dm_sys_close(int fd);

/* Locks the file behind FD for those who lock it too, as flock(2), and unlocks
   it. -EWOULDBLOCK while another has it. */
int dm_sys_lock(int fd);
int dm_sys_unlock(int fd);
ssize_t dm_sys_read(int fd, void *buffer, size_t size);
ssize_t dm_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
ssize_t dm_sys_write(int fd, const void *buffer, size_t size);
int dm_sys_fstat(int fd, struct stat *status);

/* Where the symbolic link PATH points, into BUFFER, always terminated.
   Returns its length. */
ssize_t dm_sys_readlink(const char *path, char *buffer, size_t size);

/* Whether FD can take a write now. Waits at most TIMEOUT_MS milliseconds.
   Returns a positive number if so, 0 after the timeout. */
int dm_sys_poll_out(int fd, int timeout_ms);

/* Sleeps while *WORD is VALUE, at most until DEADLINE (CLOCK_MONOTONIC,
   nanoseconds; UINT64_MAX for ever). Returns 0, -EAGAIN or -ETIMEDOUT. */
int dm_sys_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns);
void dm_sys_futex_wake(uint32_t *word);

/* Sleeps for NANOSECONDS, by that same call: no other for a sandbox to allow. */
void dm_sys_nap(uint64_t nanoseconds);

/* Nanoseconds on CLOCK (CLOCK_MONOTONIC, CLOCK_REALTIME, ...), asked of the
   kernel itself. */
uint64_t dm_sys_clock_ns(clockid_t clock);

pid_t dm_sys_getpid(void);
pid_t dm_sys_gettid(void);

/* Blocks every signal, also those that glibc keeps for itself, and returns the
   FORMER mask, which dm_sys_release_signals puts back. */
uint64_t dm_sys_hold_signals(void);
void dm_sys_release_signals(uint64_t former);

/* The same around our own writing: notes also what was pending, and drops the
   SIGPIPE or SIGXFSZ that it raised. */
struct dm_signals
{
  uint64_t mask, pending;
  unsigned raised; /* writes that had raised such a signal by then */
};
void dm_sys_block_signals(struct dm_signals *before);
void dm_sys_restore_signals(const struct dm_signals *before);

/* Makes HANDLER, of the SA_SIGINFO kind, the handler of signal NUMBER, on the
   alternate stack if there is one and restarting system calls. Returns 0,
   -EBUSY when the signal is not left to its default, or another negative
   errno. For the start: goes through libc. */
int dm_sys_catch_signal(int number, void (*handler)(int, siginfo_t *, void *));

/* Whether HANDLER is the one that dm_sys_catch_signal installed. */
bool dm_sys_is_catcher(void (*handler)(int));

/* Whether NUMBER is the signal that dm_sys_catch_signal caught, and its handler
   is still the one in the kernel. Of other signals nobody is asked. */
bool dm_sys_signal_is_caught(int number);

/* Like dm_sys_futex_wait on a word that the kernel itself changes when a
   thread ends; TIMEOUT_NS is relative. */
int dm_sys_futex_wait_shared(uint32_t *word, uint32_t value,
                             uint64_t timeout_ns);

/* Whether thread ID of this process is still known to the kernel. */
bool dm_sys_thread_exists(pid_t id);
void dm_sys_yield(void);

/* Starts a kernel thread that glibc does not know: it runs FUNCTION(ARG) on
   the stack that ends at STACK_TOP, with thread pointer THREAD_BLOCK, and ends
   when FUNCTION returns. *ID is the thread's id and becomes 0 when it has
   ended. Returns a negative errno when the kernel refuses. */
int dm_sys_clone_thread(int (*function)(void *), void *stack_top, void *arg,
                        void *thread_block, uint32_t *id);

/* Makes BLOCK, of at least 128 bytes, a thread block: it points to itself and
   holds the canaries of the calling thread's. */
void dm_sys_copy_thread_block(uintptr_t *block);

/* Names the calling thread; at most 15 bytes count. */
void dm_sys_name_thread(const char *name);

/* The calling thread gives up all capabilities and can never gain any. */
void dm_sys_drop_privileges(void);

/* The calling thread takes its turn as others do, where it has inherited a
   real-time policy from the one that started it. */
void dm_sys_leave_real_time(void);

/* Gives the calling thread a table of descriptors of its own, empty. Returns 0,
   or a negative errno where the kernel is too old (before 5.9): then it goes on
   to share the process's. */
int dm_sys_own_table(void);

/* Descriptor FD of the process, for a thread with a table of its own: another
   number for the same open file. Needs Linux 5.6. */
int dm_sys_take_descriptor(int fd);

/* For tests: the Nth call from now of the functions that can fail (map, open,
   write, clone) fails with -ENOMEM, -EMFILE, -EIO or -EAGAIN. 0 turns it off.
   EVERY makes every call from then on fail. */
void dm_sys_fail_after(unsigned n, bool every);

/* Whether the call that asks must fail now; for the functions above. */
bool dm_sys_must_fail(void);

#endif
