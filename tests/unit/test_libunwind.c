/* test_libunwind.c -- whole stacks, and what may be read of them. */

#include "hook/libunwind.h"

#include "base/sys.h"
#include "runner.h"

static void
setup(void)
{
  const char *why = dm_libunwind_init();
  ck_assert_msg(!why, "%s", why);
}

/* How many frames libunwind finds from the caller on, when the stack ends at
   HIGH. */
static __attribute__((noinline)) unsigned
count_frames(uintptr_t high)
{
  enum
  {
    MAX = 64
  };
  struct dm_caller caller = {__builtin_frame_address(0)};
  uintptr_t addresses[MAX];
  bool interrupted[MAX];
  return dm_libunwind_stack(&caller, high, addresses, interrupted, MAX);
}

/* Where the end that is known is that of another stack, further down, or none
   is, words are read as far as they can be. */
START_TEST(a_stack_without_a_known_end)
{
  uintptr_t here = (uintptr_t) __builtin_frame_address(0);
  unsigned frames = count_frames(here + 4096);
  ck_assert_uint_ge(frames, 2);
  ck_assert_uint_eq(count_frames(0), frames);
  ck_assert_uint_eq(count_frames(here - (1 << 20)), frames);
}
END_TEST

/* Calls FUNCTION on the stack that ends at TOP, above which its unwind
   information goes on as if there were a caller. */
void run_on(void *top, void (*function)(void));
__asm__(".text\n"
        "run_on:\n"
        ".cfi_startproc\n"
        "push %rbx\n"
        ".cfi_def_cfa_offset 16\n"
        "mov %rsp, %rbx\n"
        "mov %rdi, %rsp\n"
        "call *%rsi\n"
        "mov %rbx, %rsp\n"
        "pop %rbx\n"
        ".cfi_def_cfa_offset 8\n"
        "ret\n"
        ".cfi_endproc\n");

static unsigned found;

static void
count_to_the_top(void)
{
  found = count_frames(0);
  __asm__ volatile("");
}

START_TEST(a_stack_that_ends_before_its_unwind_information)
{
  enum
  {
    SIZE = 65536
  };
  char *stack = dm_sys_map(SIZE + 4096);
  ck_assert_int_eq(dm_sys_protect_none(stack + SIZE, 4096), 0);
  run_on(stack + SIZE, count_to_the_top);
  ck_assert_uint_eq(found, 2);
}
END_TEST

int
main(void)
{
  const TTest *const tests[] = {a_stack_without_a_known_end,
                                a_stack_that_ends_before_its_unwind_information,
                                NULL};
  return run_suite(make_suite("libunwind", setup, tests));
}
