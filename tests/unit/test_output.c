/* test_output.c -- where a dump goes: files, and odd answers of the kernel. */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_sys.h"
#include "output_rig.h"
#include "runner.h"

START_TEST(test_file)
{
  struct stat status;
  unsigned before = descriptors();
  init("out.%p.%c.%t");
  char path[128];
  snprintf(path, sizeof path, "out.%d.my prog.1234567890", getpid());
  ck_assert(dump_string("one\n"));
  ck_assert_int_eq(stat(path, &status), 0);
  ck_assert_int_eq(status.st_mode & 07777, 0600);
  ck_assert(dump_string("two\n"));
  ck_assert_str_eq(contents(path), "one\ntwo\n");
  ck_assert_uint_eq(descriptors(), before);
}
END_TEST

START_TEST(test_file_one_write)
{
  init("out");
  ck_assert(dump(big, sizeof big, 0));
  ck_assert_uint_eq(fake_writes_made, 1);
  ck_assert_int_eq(memcmp(contents("out"), big, sizeof big), 0);
}
END_TEST

START_TEST(test_patterns)
{
  init("a%%b%xc%");
  ck_assert(dump_string("1\n"));
  ck_assert_str_eq(contents("a%b%xc%"), "1\n");
  init("h-%h");
  ck_assert(dump_string("2\n"));
  ck_assert_str_eq(contents("h-host_.._x"), "2\n");
  init("./stderr");
  ck_assert(dump_string("3\n"));
  ck_assert_str_eq(contents("stderr"), "3\n");
  init("%c/out");
  ck_assert_int_eq(mkdir("my prog", 0700), 0);
  ck_assert(dump_string("4\n"));
  ck_assert_str_eq(contents("my prog/out"), "4\n");
}
END_TEST

START_TEST(test_relative_to_the_start)
{
  char path[PATH_MAX];
  init("out");
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert(dump_string("here\n"));
  snprintf(path, sizeof path, "%s/out", scratch);
  ck_assert_str_eq(contents(path), "here\n");
  /* From the root itself. */
  snprintf(path, sizeof path, "%s/root", scratch + 1);
  init(path);
  ck_assert_int_eq(chdir("/proc"), 0);
  ck_assert(dump_string("there\n"));
  snprintf(path, sizeof path, "%s/root", scratch);
  ck_assert_str_eq(contents(path), "there\n");
}
END_TEST

START_TEST(test_path_too_long)
{
  struct dm_config config = {.interval_ms = 0};
  char program[300] = "";
  for (int i = 0; i < 250; i++)
    strcat(program, "p");
  for (int i = 0; i < 100; i++)
    strcat(config.output, "/%c");
  dm_output_init(&config, program, "host", 0);
  ck_assert(!dump_string("x\n"));
  ck_assert_int_eq(output.fd, -1);
}
END_TEST

START_TEST(test_pid_after_fork)
{
  char path[64];
  init("out.%p");
  ck_assert(dump_string("parent\n"));
  pid_t child = fork();
  if (child == 0)
    _exit(dump_string("child\n") ? 0 : 1);
  int status;
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  snprintf(path, sizeof path, "out.%d", child);
  ck_assert_str_eq(contents(path), "child\n");
  snprintf(path, sizeof path, "out.%d", getpid());
  ck_assert_str_eq(contents(path), "parent\n");
}
END_TEST

/* No dump goes to PATH, and stderr is told WHY, once; or nothing, with NULL. */
static void
check_refused(const char *path, const char *why)
{
  int reader = start_with_pipe();
  unsigned before = descriptors();
  init(path);
  ck_assert_msg(!dump_string("x\n"), "%s", path);
  ck_assert_msg(!dump_string("x\n"), "%s", path);
  ck_assert_uint_eq(descriptors(), before);
  char line[512] = "";
  if (why)
    snprintf(line, sizeof line, "dmalloc: DMALLOC_OUTPUT: %s%s%s\n", why,
             *path == '/' ? ": " : "", *path == '/' ? path : "");
  read_all(reader);
  ck_assert_int_eq(strncmp(read_back, line, strlen(line) - (why != NULL)), 0);
  ck_assert_int_eq(strlen(read_back) == 0, why == NULL);
  ck_assert_ptr_eq(strchr(read_back, '\n'), strrchr(read_back, '\n'));
  close(reader);
}

START_TEST(test_files_refused)
{
  ck_assert_int_eq(symlink("victim", "planted"), 0);
  check_refused("planted", "a symbolic link; none is followed");
  ck_assert_int_eq(access("victim", F_OK), -1);
  close(open("victim", O_CREAT | O_WRONLY, 0600));
  check_refused("planted", "a symbolic link; none is followed");
  ck_assert_str_eq(contents("victim"), "");
  check_refused("/tmp", "a directory");
  check_refused("no/such/folder/out", "no such directory");
  check_refused("/dev/full", "neither a file, a pipe nor a terminal");
  check_refused("/dev/zero", "neither a file, a pipe nor a terminal");
  ck_assert_int_eq(mkfifo("nobody-reads", 0600), 0);
  check_refused("nobody-reads", NULL);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *) &name, sizeof name), 0);
  check_refused("socket", NULL);
}
END_TEST

/* Whether the file "out" is locked by somebody. */
static bool
is_locked(void)
{
  int fd = open("out", O_WRONLY);
  bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return locked;
}

static void
check_locked(void)
{
  ck_assert(is_locked());
}

START_TEST(test_locked_while_it_writes)
{
  init("out");
  fake_before_write = check_locked;
  ck_assert(dump(big, sizeof big, 0));
  fake_before_write = NULL;
  ck_assert_uint_eq(fake_writes_made, 1);
  ck_assert(!is_locked());
}
END_TEST

/* Whoever stopped in the middle of a dump keeps nobody else from writing. */
START_TEST(test_locked_by_another)
{
  init("out");
  ck_assert(dump_string("one\n"));
  int other = open("out", O_WRONLY);
  ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
  double start = seconds_now();
  ck_assert(dump("two\n", 4, 200));
  ck_assert_double_ge(seconds_now() - start, 0.199);
  ck_assert(dump("three\n", 6, 0));
  ck_assert_str_eq(contents("out"), "one\ntwo\nthree\n");
  ck_assert(is_locked()); /* still, and not by us */
}
END_TEST

static int reader;

/* What was written so far ended with a line. */
static void
check_line(void)
{
  size_t length = read_all(reader);
  ck_assert(length == 0 || read_back[length - 1] == '\n');
}

START_TEST(test_parts_are_whole_lines)
{
  reader = start_with_pipe();
  fake_before_write = check_line;
  ck_assert(dump(big, sizeof big, 5000));
  fake_before_write = NULL;
  check_line();
  ck_assert_uint_gt(fake_writes_made, 10);
  /* A line that is too long for one part is written all the same. */
  memset(big, 'x', sizeof big);
  ck_assert(dump(big, 60000, 0));
  ck_assert_uint_eq(read_all(reader), 60000);
}
END_TEST

START_TEST(test_files_accepted)
{
  ck_assert_int_eq(mkfifo("fifo", 0600), 0);
  int reader = open("fifo", O_RDONLY | O_NONBLOCK);
  init("fifo");
  ck_assert(dump_string("through\n"));
  ck_assert_uint_eq(read_all(reader), 8);
  init("/dev/null");
  ck_assert(dump_string("gone\n"));
  int master, slave;
  ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
  init(ttyname(slave));
  ck_assert(dump_string("shown\n"));
  read_all(master);
  ck_assert_str_eq(read_back, "shown\r\n");
}
END_TEST

START_TEST(test_file_size_limit)
{
  struct rlimit limit = {1000, 1000};
  init("out");
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  ck_assert(!dump(big, 3000, 0));
  ck_assert_uint_eq(strlen(contents("out")), 1000);
  ck_assert(!dump(big, 3000, 0));
  ck_assert_uint_eq(strlen(contents("out")), 1000);
  sigset_t pending;
  sigpending(&pending);
  ck_assert(sigismember(&pending, SIGXFSZ)); /* and so the test lives */
}
END_TEST

/* The program closes what it does not know, and opens its own there. */
static void
steal_descriptor(void)
{
  fake_before_write = NULL;
  ck_assert_int_eq(dup2(open("database", O_RDWR | O_CREAT, 0600), output.fd),
                   output.fd);
}

START_TEST(test_file_descriptor_reused)
{
  init("out");
  dm_output_open(&output, 0);
  int fd = output.fd;
  dm_output_write(&output, "first\n", 6);
  steal_descriptor();
  dm_output_write(&output, "second\n", 7);
  ck_assert(output.cut);
  dm_output_close(&output);
  ck_assert_str_eq(contents("database"), "");
  ck_assert_int_ne(fcntl(fd, F_GETFD), -1); /* and it is not closed */
  ck_assert_str_eq(contents("out"), "first\n");
}
END_TEST

static void
disturb(const int *writes, size_t count)
{
  fake_writes = writes;
  fake_writes_left = count;
}

#define DISTURB(...)                                                           \
  disturb((const int[]){__VA_ARGS__},                                          \
          sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

START_TEST(test_interruptions)
{
  int reader = start_with_pipe();
  DISTURB(-EINTR, 3, -EINTR, -EINTR, 1, FAKE_WRITE_ALL, -EINTR);
  ck_assert(dump(big, 10000, 0));
  ck_assert_uint_eq(read_all(reader), 10000);
  ck_assert_int_eq(memcmp(read_back, big, 10000), 0);
}
END_TEST

START_TEST(test_interrupted_for_ever)
{
  static int endless[1000];
  for (int i = 0; i < 1000; i++)
    endless[i] = -EINTR;
  start_with_pipe();
  disturb(endless, 1000);
  ck_assert(!dump(big, 100, 20));
  ck_assert_uint_gt(fake_writes_left, 900);
}
END_TEST

START_TEST(test_try_again)
{
  int reader = start_with_pipe();
  DISTURB(-EAGAIN, -EAGAIN, 7, -EAGAIN);
  ck_assert(dump(big, 1000, 5000));
  ck_assert_uint_eq(read_all(reader), 1000);
  DISTURB(-EAGAIN);
  ck_assert(!dump(big, 1000, 0));
}
END_TEST

START_TEST(test_short_writes_to_file)
{
  init("out");
  DISTURB(1, 2, 3000, FAKE_WRITE_ALL);
  ck_assert(dump(big, sizeof big, 0));
  ck_assert_int_eq(memcmp(contents("out"), big, sizeof big), 0);
  DISTURB(10, -ENOSPC);
  ck_assert(!dump(big, 100, 0));
  DISTURB(0);
  ck_assert(!dump(big, 100, 0));
  DISTURB(-EIO);
  ck_assert(!dump(big, 100, 0));
}
END_TEST

START_TEST(test_no_hole_after_a_cut)
{
  init("out");
  dm_output_open(&output, 0);
  dm_output_write(&output, "one\n", 4);
  DISTURB(-EIO);
  dm_output_write(&output, "two\n", 4);
  dm_output_write(&output, "three\n", 6);
  ck_assert(output.cut);
  dm_output_close(&output);
  ck_assert_str_eq(contents("out"), "one\n");
}
END_TEST

START_TEST(test_cut_line_is_ended)
{
  init("out");
  DISTURB(4, -ENOSPC);
  ck_assert(!dump_string("{\"a\":1}\n"));
  DISTURB(-ENOSPC); /* not even the newline */
  ck_assert(!dump_string("{\"b\":2}\n"));
  ck_assert(dump_string("{\"c\":3}\n"));
  ck_assert(dump_string("{\"d\":4}\n"));
  ck_assert_str_eq(contents("out"), "{\"a\"\n{\"c\":3}\n{\"d\":4}\n");
}
END_TEST

START_TEST(test_nothing_to_write)
{
  close(2);
  init("stderr");
  ck_assert(dump_string(""));
}
END_TEST

static Suite *
make_output_suite(void)
{
  Suite *suite = suite_create("output");
  TCase *tests = tcase_create("all");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
  tcase_add_test(tests, test_file);
  tcase_add_test(tests, test_file_one_write);
  tcase_add_test(tests, test_patterns);
  tcase_add_test(tests, test_relative_to_the_start);
  tcase_add_test(tests, test_path_too_long);
  tcase_add_test(tests, test_pid_after_fork);
  tcase_add_test(tests, test_files_refused);
  tcase_add_test(tests, test_locked_while_it_writes);
  tcase_add_test(tests, test_locked_by_another);
  tcase_add_test(tests, test_parts_are_whole_lines);
  tcase_add_test(tests, test_files_accepted);
  tcase_add_test(tests, test_file_size_limit);
  tcase_add_test(tests, test_file_descriptor_reused);
  tcase_add_test(tests, test_interruptions);
  tcase_add_test(tests, test_interrupted_for_ever);
  tcase_add_test(tests, test_try_again);
  tcase_add_test(tests, test_short_writes_to_file);
  tcase_add_test(tests, test_no_hole_after_a_cut);
  tcase_add_test(tests, test_cut_line_is_ended);
  tcase_add_test(tests, test_nothing_to_write);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_output_suite());
}
