/* descriptor.c -- what a descriptor refers to, and opening that again. */

#include "dump/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/sys.h"
#include "base/text.h"

struct dm_identity
dm_descriptor_identity(int fd)
{
  struct stat status;
  if (fd < 0 || dm_sys_fstat(fd, &status) != 0)
    return (struct dm_identity){.known = false};
  return (struct dm_identity){
      .known = true,
      .type = status.st_mode & S_IFMT,
      .device = status.st_dev,
      .special_device = status.st_rdev,
      .inode = status.st_ino,
  };
}

bool
dm_descriptor_is(int fd, const struct dm_identity *then)
{
  struct dm_identity now = dm_descriptor_identity(fd);
  return now.known && then->known && now.type == then->type &&
         now.device == then->device &&
         now.special_device == then->special_device && now.inode == then->inode;
}

bool
dm_identity_is_terminal(const struct dm_identity *identity)
{
  if (!S_ISCHR(identity->type))
    return false;
  unsigned number = major(identity->special_device);
  if (number == 5)
    return minor(identity->special_device) != 2;
  return number == 4 || (number >= 136 && number <= 143) || number == 204 ||
         number == 229;
}

bool
dm_identity_is_null_device(const struct dm_identity *identity)
{
  return S_ISCHR(identity->type) && identity->special_device == makedev(1, 3);
}

bool
dm_identity_may_receive(const struct dm_identity *identity)
{
  return identity->known &&
         (S_ISREG(identity->type) || S_ISFIFO(identity->type) ||
          dm_identity_is_terminal(identity));
}

int
dm_descriptor_open(const char *pid, int number, int flags)
{
  char buffer[64];
  struct dm_text path;
  dm_text_init(&path, buffer, sizeof buffer);
  dm_text_string(&path, "/proc/");
  dm_text_string(&path, pid);
  dm_text_string(&path, "/fd/");
  dm_text_signed(&path, number);
  dm_text_char(&path, '\0');
  return dm_sys_open(buffer, flags, 0);
}

/* The file is first opened for its name only, since to open some devices is to
   make them act, and then through that descriptor, so that what is written to
   is what was looked at. O_APPEND, because the one who has it open may have
   written to a regular file, and our own offset would begin at 0. */
int
dm_descriptor_open_anew(int pid, int fd, const struct dm_identity *wanted)
{
  char digits[16];
  struct dm_text text;
  dm_text_init(&text, digits, sizeof digits);
  dm_text_signed(&text, pid);
  dm_text_char(&text, '\0');
  int name = dm_descriptor_open(digits, fd, O_PATH);
  if (name < 0)
    return -1;
  struct dm_identity identity = dm_descriptor_identity(name);
  int opened = -1;
  if (dm_identity_may_receive(&identity) &&
      (!wanted || dm_descriptor_is(name, wanted)))
    opened = dm_descriptor_open("thread-self", name,
                                O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK);
  dm_sys_close(name);
  return opened < 0 ? -1 : opened;
}
