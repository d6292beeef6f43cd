/* output.c -- where a dump goes, and a writer that never blocks the program.

   Pipes, terminals and sockets have readers that may be slow, and the program
   writes to them too. Their O_NONBLOCK flag is the program's as well and is
   left alone. For a pipe poll(2) says that there is room for PIPE_BUF bytes,
   and no more than that is written at a time. For a terminal it says only that
   there is room for one, and a longer write sleeps in the kernel until someone
   reads: so a terminal is opened a second time, with O_NONBLOCK, for the one
   dump.  A regular
   file is locked for a dump of more than one write, so that those of several
   processes stay apart; a short one does, with O_APPEND, where locks do not
   work. Parts of a dump end with a line where they can: what the program writes
   to the same pipe or terminal comes between two lines. */

#include "dump/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alone.h"
#include "base/sys.h"
#include "dump/hurry.h"
#include "dump/output_path.h"

enum
{
  STDERR = 2,
  CHUNK = 4096,
  /* For a terminal that cannot be opened again: seldom more than its room. */
  TERMINAL_CHUNK = 64,
  /* Signals are blocked, so one interruption is already odd. */
  INTERRUPTIONS_MAX = 10
};

static const uint64_t millisecond_ns = 1000000;

static struct dm_identity stderr_identity; /* at the start */

static bool to_file; /* and not to stderr */

/* The dump before ended within a line. */
static bool unfinished;

/* It was said that the file cannot be opened. */
static bool complained;

void
dm_output_init(const struct dm_config *config, const char *program,
               const char *host, uint64_t start_time_s)
{
  stderr_identity = dm_descriptor_identity(STDERR);
  unfinished = complained = false;
  to_file = strcmp(config->output, "stderr") != 0 &&
            strcmp(config->output, "/dev/stderr") != 0;
  if (to_file)
    dm_output_path_init(config->output, program, host, start_time_s);
}

/* Milliseconds left until the deadline, rounded up, but not more than until
   the hurry should be looked at again. */
static int
patience_left(const struct dm_output *output)
{
  enum
  {
    LOOK_AGAIN_MS = 20
  };
  uint64_t now = dm_sys_clock_ns(CLOCK_MONOTONIC);
  uint64_t hurry = dm_hurry_deadline();
  uint64_t deadline = hurry < output->deadline_ns ? hurry : output->deadline_ns;
  if (now >= deadline)
    return 0;
  uint64_t left = (deadline - now - 1) / millisecond_ns + 1;
  return left < LOOK_AGAIN_MS ? (int) left : LOOK_AGAIN_MS;
}

/* Waits until a chunk can be written. Returns false after the deadline, and
   when nobody can tell: then a write could block. */
static bool
wait_for_room(const struct dm_output *output)
{
  for (;;)
  {
    int patience = patience_left(output);
    int result = dm_sys_poll_out(output->fd, patience);
    if (result > 0)
      return true;
    if ((result != 0 && result != -EINTR) || patience == 0)
      return false;
  }
}

/* For a descriptor that poll(2) calls writable and write(2) does not, as some
   sockets are: sleeps a little instead of asking in a circle. Returns false
   after the deadline. */
static bool
nap(const struct dm_output *output)
{
  if (patience_left(output) == 0)
    return false;
  dm_sys_nap(millisecond_ns);
  return true;
}

static void
set_descriptor(struct dm_output *output, int fd)
{
  output->fd = fd;
  output->identity = dm_descriptor_identity(fd);
  output->chunk = S_ISREG(output->identity.type) ? SIZE_MAX : CHUNK;
}

static void
start(struct dm_output *output, int fd, unsigned patience_ms)
{
  *output = (struct dm_output){
      .deadline_ns =
          dm_sys_clock_ns(CLOCK_MONOTONIC) + patience_ms * millisecond_ns,
  };
  set_descriptor(output, fd);
}

/* Puts a descriptor that cannot block in the place of a terminal's. */
static void
reopen_terminal(struct dm_output *output)
{
  struct dm_identity identity = output->identity;
  if (output->fd < 0 || !dm_identity_is_terminal(&identity))
    return;
  int fd = dm_descriptor_open("thread-self", output->fd,
                              O_WRONLY | O_NOCTTY | O_NONBLOCK);
  if (dm_descriptor_is(fd, &identity))
  {
    if (output->close)
      dm_sys_close(output->fd);
    output->fd = fd;
    output->close = true;
    return;
  }
  if (fd >= 0)
    dm_sys_close(fd);
  output->chunk = TERMINAL_CHUNK;
}

/* Opens the file at PATH, or NULL. Returns a descriptor or a negative errno. */
static int
open_file(const char *path)
{
  if (!path)
    return -ENAMETOOLONG;
  int fd = dm_sys_open(
      path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
      0600);
  if (fd < 0)
    return fd;
  struct dm_identity identity = dm_descriptor_identity(fd);
  if (dm_identity_may_receive(&identity) ||
      dm_identity_is_null_device(&identity))
    return fd;
  dm_sys_close(fd);
  return -ENODEV;
}

/* A descriptor for what stderr was at the start: number 2 if it still is that,
   else, for a thread with a table of its own, one that is taken over from the
   process: then *TAKEN is set. The kernel takes it from the first thread; where
   that has ended, the file is opened anew. -1 when the process has it no more.
   */
static int
find_stderr(bool *taken)
{
  *taken = false;
  if (dm_descriptor_is(STDERR, &stderr_identity))
    return STDERR;
  int fd = dm_sys_take_descriptor(STDERR);
  *taken = dm_descriptor_is(fd, &stderr_identity);
  if (*taken)
    return fd;
  if (fd >= 0)
    dm_sys_close(fd);
  pid_t other = dm_alone_other();
  if (other == 0)
    return -1;
  fd = dm_descriptor_open_anew(other, STDERR, &stderr_identity);
  *taken = fd >= 0;
  return fd;
}

static void
open_stderr(struct dm_output *output, unsigned patience_ms)
{
  bool taken;
  int fd = find_stderr(&taken);
  start(output, fd, patience_ms);
  output->is_stderr = fd >= 0 && !taken;
  output->close = taken;
  reopen_terminal(output);
}

static const char *
reason_of(int error)
{
  switch (-error)
  {
  case ENOENT:
  case ENOTDIR:
    return "no such directory";
  case EACCES:
    return "permission denied; dumps are written without root's rights";
  case EISDIR:
    return "a directory";
  case ELOOP:
    return "a symbolic link; none is followed";
  case ENAMETOOLONG:
    return "the path is too long";
  case ENODEV:
    return "neither a file, a pipe nor a terminal";
  case ENOSPC:
    return "no space left";
  default:
    return "cannot be opened";
  }
}

/* Whether nobody did anything wrong: a pipe that is not read may be, later, and
   a sandbox allows what it allows. */
static bool
is_no_mistake(int error)
{
  return error == -ENXIO || error == -ENOSYS || error == -EPERM ||
         error == -EROFS;
}

/* Says, the first time, why the file at PATH, or NULL, cannot be opened. */
static void
complain(const char *path, int error)
{
  char buffer[256];
  struct dm_text line;
  struct dm_output output;
  if (complained || is_no_mistake(error))
    return;
  complained = true;
  dm_text_init(&line, buffer, sizeof buffer - 1);
  dm_text_string(&line, "dmalloc: DMALLOC_OUTPUT: ");
  dm_text_string(&line, reason_of(error));
  if (path)
  {
    dm_text_string(&line, ": ");
    dm_text_printable(&line, path);
  }
  buffer[line.length++] = '\n';
  open_stderr(&output, 0);
  dm_output_write(&output, line.data, line.length);
  dm_output_close(&output);
}

/* Keeps other processes from writing their dumps between ours until the file is
   closed. Goes on without when that takes too long, or is not known there. */
static void
lock(struct dm_output *output)
{
  int result;
  while ((result = dm_sys_lock(output->fd)) == -EWOULDBLOCK && nap(output))
    continue;
  output->locked = result == 0;
}

void
dm_output_open(struct dm_output *output, unsigned patience_ms)
{
  if (to_file)
  {
    const char *path = dm_output_path();
    int fd = open_file(path);
    start(output, fd < 0 ? -1 : fd, patience_ms);
    output->close = fd >= 0;
    if (fd < 0)
      complain(path, fd);
    else if (S_ISREG(output->identity.type))
      lock(output);
  }
  else
    open_stderr(output, patience_ms);
  output->own = true;
  output->midline = unfinished;
  if (unfinished && output->fd >= 0)
    dm_output_write(output, "\n", 1);
}

bool
dm_output_open_remote(struct dm_output *output, int pid, int fd,
                      unsigned patience_ms)
{
  start(output, -1, patience_ms);
  int opened = pid <= 0 || fd < 0 ? -1 : dm_descriptor_open_anew(pid, fd, NULL);
  if (opened < 0)
    return false;
  set_descriptor(output, opened);
  output->close = true;
  return true;
}

void
dm_output_use(struct dm_output *output, int fd, unsigned patience_ms)
{
  start(output, fd < 0 ? -1 : fd, patience_ms);
  reopen_terminal(output);
}

/* Whether the descriptor, and for stderr also descriptor 2, is what it was. */
static bool
is_ours(const struct dm_output *output)
{
  if (output->is_stderr && output->fd != STDERR &&
      !dm_descriptor_is(STDERR, &stderr_identity))
    return false;
  return dm_descriptor_is(output->fd, &output->identity);
}

/* One write(2) of LENGTH bytes, when there is room and the descriptor still is
   what it was. Returns the bytes written, or 0 or less when there is no hope.
   The descriptor is looked at before the wait, not to wait for a stranger, and
   again after it, which may be seconds later. */
static ssize_t
write_once(const struct dm_output *output, const char *data, size_t length)
{
  bool waits = !S_ISREG(output->identity.type);
  unsigned interruptions = 0;
  for (;;)
  {
    if (waits && (!is_ours(output) || !wait_for_room(output)))
      return 0;
    if (!is_ours(output))
      return 0;
    ssize_t written = dm_sys_write(output->fd, data, length);
    if (written == -EINTR && interruptions++ < INTERRUPTIONS_MAX)
      continue;
    if (written != -EAGAIN)
      return written;
    if (!nap(output))
      return 0;
  }
}

/* How much of LENGTH bytes of DATA to write at once, MOST at most: whole lines,
   if there is one. */
static size_t
whole_lines(const char *data, size_t length, size_t most)
{
  const char *end = memrchr(data, '\n', length < most ? length : most);
  if (end)
    return (size_t) (end - data) + 1;
  return length < most ? length : most;
}

void
dm_output_write(struct dm_output *output, const char *data, size_t length)
{
  while (length > 0 && !output->cut)
  {
    size_t part = length <= output->chunk
                      ? length
                      : whole_lines(data, length, output->chunk);
    ssize_t written = output->fd < 0 ? 0 : write_once(output, data, part);
    if (written <= 0)
    {
      output->cut = true;
      return;
    }
    output->midline = data[written - 1] != '\n';
    data += written;
    length -= (size_t) written;
  }
}

void
dm_output_close(struct dm_output *output)
{
  if (output->own)
    unfinished = output->midline;
  /* The program may have closed it, and the number be another file's now. */
  if (output->close && dm_descriptor_is(output->fd, &output->identity))
  {
    if (output->locked) /* a forked child may have a copy of the descriptor */
      dm_sys_unlock(output->fd);
    dm_sys_close(output->fd);
  }
  output->fd = -1;
  output->close = false;
}

void
dm_output_after_fork(void)
{
  /* A file of the child's own begins with a line of its own. */
  unfinished = unfinished && !to_file;
}

static void
drain(struct dm_text *text)
{
  size_t part = whole_lines(text->data, text->length, text->length);
  dm_output_write(text->drain_arg, text->data, part);
  text->length -= part;
  memmove(text->data, text->data + part, text->length);
}

void
dm_output_attach(struct dm_output *output, struct dm_text *text)
{
  text->drain = drain;
  text->drain_arg = output;
}
