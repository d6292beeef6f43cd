/* interpose.c -- the exported malloc family.

   Each entry point is one unlikely test, then the next allocator and the
   record. What the test sends away goes to a twin below: calls before
   recording begins, calls that are traced. */

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
   the compiler keep a frame pointer here, so the caller's rbp lies at it and
   the return address in the word above. */
#define CALLER                                                                 \
  ({                                                                           \
    const uintptr_t *frame_ = __builtin_frame_address(0);                      \
    (struct dm_caller){.slot = frame_ + 1, .rbp = frame_[0]};                  \
  })

#define ORDINARY __builtin_expect(dm_mode == DM_MODE_RECORD, 1)

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

/* Records BLOCK if recording is on at all, and says so in the trace. */
static void *
traced(const char *name, void *block, size_t size, struct dm_caller caller)
{
  dm_record_alloc(block, size, caller);
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
  return traced("malloc", dm_next.malloc(dm_stamped_size(size)), size, caller);
}

static __attribute__((noinline)) void *
cold_calloc(size_t count, size_t size, struct dm_caller caller)
{
  if (!dm_next_ready())
    return dm_bootstrap_alloc(16, count * size); /* never used before: zero */
  if (dm_mode == DM_MODE_PASS)
    return dm_next.calloc(count, size);
  return traced("calloc", stamped_calloc(count, size), count * size, caller);
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
  dm_trace_realloc(result, block, size);
  return result;
}

static __attribute__((noinline)) void
cold_free(void *block, struct dm_caller caller)
{
  if (!block || dm_is_bootstrap(block) || !dm_next_ready())
    return;
  if (dm_mode != DM_MODE_PASS)
  {
    dm_trace_free(block);
    dm_record_free(block, caller);
  }
  dm_next.free(block);
}

static __attribute__((noinline)) void *
cold_memalign(void *(*function)(size_t, size_t), const char *name,
              size_t alignment, size_t size, size_t stamped,
              struct dm_caller caller)
{
  if (dm_mode == DM_MODE_PASS)
    return function(alignment, size);
  return traced(name, function(alignment, stamped), size, caller);
}

/* ------------------------------------------------------------------------
   The entry points. */

EXPORT void *
malloc(size_t size)
{
  struct dm_caller caller = CALLER;
  if (!ORDINARY)
    return cold_malloc(size, caller);
  return dm_record_alloc(dm_next.malloc(dm_stamped_size(size)), size, caller);
}

EXPORT void *
calloc(size_t count, size_t size)
{
  struct dm_caller caller = CALLER;
  if (!ORDINARY)
    return cold_calloc(count, size, caller);
  return dm_record_alloc(stamped_calloc(count, size), count * size, caller);
}

EXPORT void *
realloc(void *block, size_t size)
{
  struct dm_caller caller = CALLER;
  if (!ORDINARY || dm_is_bootstrap(block))
    return cold_realloc(block, size, caller);
  if (block)
    return resize(block, size, caller);
  return dm_record_alloc(dm_next.malloc(dm_stamped_size(size)), size, caller);
}

EXPORT void
free(void *block)
{
  struct dm_caller caller = CALLER;
  if (!ORDINARY || dm_is_bootstrap(block))
  {
    cold_free(block, caller);
    return;
  }
  if (!block)
    return;
  dm_record_free(block, caller);
  dm_next.free(block);
}

EXPORT void *
aligned_alloc(size_t alignment, size_t size)
{
  struct dm_caller caller = CALLER;
  if (!dm_next_ready())
    return dm_bootstrap_alloc(alignment, size);
  size_t stamped = stamped_multiple(alignment, size);
  if (!ORDINARY)
    return cold_memalign(dm_next.aligned_alloc, "aligned_alloc", alignment,
                         size, stamped, caller);
  return dm_record_alloc(dm_next.aligned_alloc(alignment, stamped), size,
                         caller);
}

EXPORT void *
memalign(size_t alignment, size_t size)
{
  struct dm_caller caller = CALLER;
  if (!dm_next_ready())
    return dm_bootstrap_alloc(alignment, size);
  size_t stamped = dm_stamped_size(size);
  if (!ORDINARY)
    return cold_memalign(dm_next.memalign, "memalign", alignment, size, stamped,
                         caller);
  return dm_record_alloc(dm_next.memalign(alignment, stamped), size, caller);
}

EXPORT int
posix_memalign(void **block, size_t alignment, size_t size)
{
  struct dm_caller caller = CALLER;
  if (!dm_next_ready())
  {
    *block = dm_bootstrap_alloc(alignment, size);
    return *block ? 0 : ENOMEM;
  }
  if (dm_mode == DM_MODE_PASS)
    return dm_next.posix_memalign(block, alignment, size);
  int error = dm_next.posix_memalign(block, alignment, dm_stamped_size(size));
  if (error == 0 && ORDINARY)
    dm_record_alloc(*block, size, caller);
  else if (error == 0)
    traced("posix_memalign", *block, size, caller);
  return error;
}

EXPORT void *
valloc(size_t size)
{
  struct dm_caller caller = CALLER;
  if (!dm_next_ready())
    return dm_bootstrap_alloc(PAGE, size);
  if (dm_mode == DM_MODE_PASS)
    return dm_next.valloc(size);
  void *block = dm_next.valloc(dm_stamped_size(size));
  if (!ORDINARY)
    return traced("valloc", block, size, caller);
  dm_record_alloc(block, size, caller);
  return block;
}

EXPORT void *
pvalloc(size_t size)
{
  struct dm_caller caller = CALLER;
  if (!dm_next_ready())
    return dm_bootstrap_alloc(PAGE, whole_pages(size));
  if (dm_mode == DM_MODE_PASS)
    return dm_next.pvalloc(size);
  void *block = dm_next.pvalloc(dm_stamped_size(whole_pages(size)));
  if (!ORDINARY)
    return traced("pvalloc", block, size, caller);
  dm_record_alloc(block, size, caller);
  return block;
}

EXPORT size_t
malloc_usable_size(void *block)
{
  if (!block || dm_is_bootstrap(block) || !dm_next_ready())
    return 0;
  size_t usable = dm_next.malloc_usable_size(block);
  return dm_mode == DM_MODE_PASS ? usable : dm_record_room(block, usable);
}
