/* interpose.c -- the exported malloc family.

   Each entry point is one unlikely test, then the next allocator and the
   record. The test is whether all is as usual: it is not before recording begins,
   where calls are traced or only passed on, at a thread's first call, with
   another allocator than glibc's behind us, and where no reporter tells the
   second. Those go to a twin below. */

#include "hook/interpose.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "hook/next_allocator.h"
#include "hook/record.h"
#include "hook/trace.h"

#define EXPORT __attribute__((visibility("default")))

enum dm_mode dm_mode = DM_MODE_PASS;

/* Where this entry point was called from. Asking for the frame address makes
   the compiler keep a frame pointer here: so there is a record. */
#define CALLER ((struct dm_caller){__builtin_frame_address(0)})

/* CALLER as a variable, and the record stays until the end: with something left
   to do then, no call that is the last thing here becomes a jump out of this
   frame. */
#define KEEP_CALLER(variable)                                                  \
  struct dm_caller variable __attribute__((cleanup(do_nothing))) = CALLER

static inline void
do_nothing(const struct dm_caller *caller)
{
  (void) caller;
  __asm__ volatile("");
}

enum
{
  PAGE = 4096
};

/* pvalloc hands out whole pages; the stamp goes behind them. */
static size_t
whole_pages(size_t size)
{
  size_t rounded = (size + PAGE - 1) & ~(size_t) (PAGE - 1);
  return rounded < size ? size : rounded;
}

/* calloc with the stamp's room added to the product. An impossible product
   stays one. */
static void *
stamped_calloc(size_t count, size_t size)
{
  size_t total;
  if (__builtin_mul_overflow(count, size, &total))
    return dm_next.calloc(count, size);
  return dm_next.calloc(1, dm_stamped_size(total));
}

/* The size to ask aligned_alloc for. Some allocators refuse a SIZE that is no
   multiple of ALIGNMENT; they must find it as the program gave it, so there
   the stamp's room is a multiple too. glibc does not mind. */
static size_t
stamped_multiple(size_t alignment, size_t size)
{
  if (dm_next.chunk_headers || alignment <= DM_STAMP_SIZE)
    return dm_stamped_size(size);
  return size > PTRDIFF_MAX - alignment ? size : size + alignment;
}

/* What the C library behind makes of realloc(BLOCK, 0): most free the block,
   some hand out a small one, which must then have room for a stamp. */
static void *
resize_to_nothing(void *block, struct dm_caller caller)
{
  struct dm_realloc taken;
  dm_record_realloc_begin(&taken, block);
  void *result = dm_next.realloc(block, 0);
  if (result)
    dm_record_outermost(result);
  void *roomy = result ? dm_next.realloc(result, DM_STAMP_SIZE) : NULL;
  if (roomy)
    dm_record_realloc_end(&taken, roomy, 0, caller);
  else
    dm_record_realloc_freed(&taken);
  return roomy ? roomy : result;
}

static void *
resize(void *block, size_t size, struct dm_caller caller)
{
  if (size == 0)
    return resize_to_nothing(block, caller);
  struct dm_realloc taken;
  dm_record_realloc_begin(&taken, block);
  void *result = dm_next.realloc(block, dm_stamped_size(size));
  dm_record_realloc_end(&taken, result, size, caller);
  return result;
}

/* ------------------------------------------------------------------------
   The twins. */

/* BLOCK, or NULL, was handed out by function NAME: into the books, and into the
   trace if there is one. */
static void *
recorded(const char *name, void *block, size_t size, struct dm_caller caller)
{
  if (block)
    dm_record_outermost(block);
  if (block && dm_thread_here.place)
    dm_record_alloc(dm_thread_here.place, block, dm_next_usable_size(block),
                    size, caller, DM_TIME_ASKED);
  else
    dm_record_any_alloc(block, size, caller);
  if (dm_mode == DM_MODE_TRACE)
    dm_trace_alloc(name, block, size);
  return block;
}

static __attribute__((noinline)) void *
cold_malloc(size_t size, struct dm_caller caller)
{
  if (!dm_next_ready())
    return dm_bootstrap_alloc(16, size);
  if (dm_mode == DM_MODE_PASS)
    return dm_next.malloc(size);
  return recorded("malloc", dm_next.malloc(dm_stamped_size(size)), size, caller);
}

static __attribute__((noinline)) void *
cold_calloc(size_t count, size_t size, struct dm_caller caller)
{
  if (!dm_next_ready())
    return dm_bootstrap_alloc(16, count * size); /* never used before: zero */
  if (dm_mode == DM_MODE_PASS)
    return dm_next.calloc(count, size);
  return recorded("calloc", stamped_calloc(count, size), count * size, caller);
}

static void *
leave_bootstrap(void *block, size_t size)
{
  void *copy =
      dm_next_ready() ? dm_next.malloc(size) : dm_bootstrap_alloc(16, size);
  size_t there = (size_t) (dm_bootstrap + DM_BOOTSTRAP_SIZE - (char *) block);
  if (copy)
    memcpy(copy, block, size < there ? size : there);
  return copy;
}

static __attribute__((noinline)) void *
cold_realloc(void *block, size_t size, struct dm_caller caller)
{
  if (!block)
    return cold_malloc(size, caller);
  if (dm_is_bootstrap(block))
    return leave_bootstrap(block, size);
  if (dm_mode == DM_MODE_PASS)
    return dm_next_ready() ? dm_next.realloc(block, size) : NULL;
  void *result = resize(block, size, caller);
  if (dm_mode == DM_MODE_TRACE)
    dm_trace_realloc(result, block, size);
  return result;
}

static __attribute__((noinline)) void
cold_free(void *block, uintptr_t address)
{
  if (!block || dm_is_bootstrap(block) || !dm_next_ready())
    return;
  if (dm_mode == DM_MODE_TRACE)
    dm_trace_free(block);
  if (dm_mode != DM_MODE_PASS)
  {
    enum dm_freeing rest =
        dm_thread_here.place
            ? dm_record_free(dm_thread_here.place, block,
                             dm_next_usable_size(block), DM_TIME_ASKED)
            : DM_FREE_UNUSUAL;
    if (rest != DM_FREE_COUNTED)
      dm_record_free_rest(rest, block, address);
  }
  dm_next.free(block);
}

/* The end of a free that the usual way has begun. */
static __attribute__((noinline)) void
rest_of_free(enum dm_freeing rest, void *block, uintptr_t address)
{
  if (dm_is_bootstrap(block))
    return;
  dm_record_free_rest(rest, block, address);
  dm_next.free(block);
}

/* ------------------------------------------------------------------------
   The entry points. */

/* Whether a block of SIZE bytes goes the usual way. */
static inline bool
usual(size_t size)
{
  return __builtin_expect(size < dm_thread_here.unusual_size, 1);
}

/* The record of BLOCK, or NULL, of glibc's allocator. */
static inline __attribute__((always_inline)) void *
usual_record(void *block, size_t size, struct dm_caller caller)
{
  if (__builtin_expect(!block, 0))
    return NULL;
  if (!dm_header_is_usual(block))
    return dm_record_any_alloc(block, size, caller);
  return dm_record_alloc(dm_thread_here.place, block,
                         dm_header_usual_size(block), size, caller,
                         DM_TIME_TOLD);
}

EXPORT void *
malloc(size_t size)
{
  KEEP_CALLER(caller);
  if (!usual(size))
    return cold_malloc(size, caller);
  return usual_record(dm_next.malloc(size + DM_STAMP_SIZE), size, caller);
}

EXPORT void *
calloc(size_t count, size_t size)
{
  KEEP_CALLER(caller);
  size_t total;
  if (__builtin_mul_overflow(count, size, &total) || !usual(total))
    return cold_calloc(count, size, caller);
  return usual_record(dm_next.calloc(1, total + DM_STAMP_SIZE), total, caller);
}

EXPORT void *
realloc(void *block, size_t size)
{
  KEEP_CALLER(caller);
  if (!usual(size) || dm_is_bootstrap(block))
    return cold_realloc(block, size, caller);
  if (block)
    return resize(block, size, caller);
  block = dm_next.malloc(size + DM_STAMP_SIZE);
  return dm_record_any_alloc(block, size, caller);
}

EXPORT void
free(void *block)
{
  uintptr_t address = (uintptr_t) __builtin_return_address(0);
  if (__builtin_expect(!block, 0) || !usual(0) || !dm_header_is_usual(block))
  {
    cold_free(block, address);
    return;
  }
  /* A block of the bootstrap arena has a header like glibc's, and no stamp. */
  enum dm_freeing rest = dm_record_free(dm_thread_here.place, block,
                                        dm_header_usual_size(block),
                                        DM_TIME_TOLD);
  if (rest == DM_FREE_COUNTED)
    dm_next.free(block);
  else
    rest_of_free(rest, block, address);
}

/* The aligned family: FUNCTION of name NAME, asked for STAMPED bytes instead of
   SIZE. */
static void *
aligned(void *(*function)(size_t, size_t), const char *name, size_t alignment,
        size_t size, size_t stamped, struct dm_caller caller)
{
  if (dm_mode == DM_MODE_PASS)
    return function(alignment, size);
  return recorded(name, function(alignment, stamped), size, caller);
}

EXPORT void *
aligned_alloc(size_t alignment, size_t size)
{
  KEEP_CALLER(caller);
  if (!dm_next_ready())
    return dm_bootstrap_alloc(alignment, size);
  return aligned(dm_next.aligned_alloc, "aligned_alloc", alignment, size,
                 stamped_multiple(alignment, size), caller);
}

EXPORT void *
memalign(size_t alignment, size_t size)
{
  KEEP_CALLER(caller);
  if (!dm_next_ready())
    return dm_bootstrap_alloc(alignment, size);
  return aligned(dm_next.memalign, "memalign", alignment, size,
                 dm_stamped_size(size), caller);
}

EXPORT int
posix_memalign(void **block, size_t alignment, size_t size)
{
  KEEP_CALLER(caller);
  if (!dm_next_ready())
  {
    *block = dm_bootstrap_alloc(alignment, size);
    return *block ? 0 : ENOMEM;
  }
  if (dm_mode == DM_MODE_PASS)
    return dm_next.posix_memalign(block, alignment, size);
  int error = dm_next.posix_memalign(block, alignment, dm_stamped_size(size));
  if (error == 0)
    recorded("posix_memalign", *block, size, caller);
  return error;
}

EXPORT void *
valloc(size_t size)
{
  KEEP_CALLER(caller);
  if (!dm_next_ready())
    return dm_bootstrap_alloc(PAGE, size);
  if (dm_mode == DM_MODE_PASS)
    return dm_next.valloc(size);
  return recorded("valloc", dm_next.valloc(dm_stamped_size(size)), size,
                  caller);
}

EXPORT void *
pvalloc(size_t size)
{
  KEEP_CALLER(caller);
  if (!dm_next_ready())
    return dm_bootstrap_alloc(PAGE, whole_pages(size));
  if (dm_mode == DM_MODE_PASS)
    return dm_next.pvalloc(size);
  return recorded("pvalloc", dm_next.pvalloc(dm_stamped_size(whole_pages(size))),
                  size, caller);
}

EXPORT size_t
malloc_usable_size(void *block)
{
  if (!block || dm_is_bootstrap(block) || !dm_next_ready())
    return 0;
  size_t usable = dm_next.malloc_usable_size(block);
  return dm_mode == DM_MODE_PASS ? usable : dm_record_room(block, usable);
}
