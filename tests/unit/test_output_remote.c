/* test_output_remote.c -- other people's descriptors, and texts that drain. */

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_sys.h"
#include "output_rig.h"
#include "runner.h"

START_TEST(test_remote_pipe)
{
  int ends[2];
  init("out");
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork(); /* holds the descriptor under another number */
  if (child == 0)
  {
    dup2(ends[1], 77);
    pause();
    _exit(0);
  }
  unsigned before = descriptors();
  bool open = false;
  for (int i = 0; i < 1000 && !open; i++, usleep(1000))
    open = dm_output_open_remote(&output, child, 77, 1000);
  ck_assert(open);
  dm_output_write(&output, big, 10000);
  ck_assert(!output.cut);
  dm_output_close(&output);
  ck_assert_uint_eq(fake_longest_write, PIPE_PART);
  ck_assert_uint_eq(descriptors(), before);
  ck_assert_uint_eq(read_all(ends[0]), 10000);
  /* A reader that stalls has the patience of the caller. */
  ck_assert(dm_output_open_remote(&output, child, 77, 100));
  dm_output_write(&output, big, sizeof big);
  ck_assert(output.cut);
  dm_output_close(&output);
  ck_assert_int_eq(access("out", F_OK), -1);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  ck_assert(!dm_output_open_remote(&output, child, 77, 100));
}
END_TEST

START_TEST(test_remote_file)
{
  int fd = open("asked", O_CREAT | O_WRONLY, 0600);
  init("stderr");
  ck_assert_int_eq(write(fd, "mine\n", 5), 5);
  ck_assert(dm_output_open_remote(&output, getpid(), fd, 0));
  dm_output_write(&output, "dump\n", 5);
  dm_output_close(&output);
  ck_assert_str_eq(contents("asked"), "mine\ndump\n");
}
END_TEST

START_TEST(test_remote_terminal)
{
  int master, slave;
  init("stderr");
  ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
  ck_assert(dm_output_open_remote(&output, getpid(), slave, 0));
  dm_output_write(&output, "dump\n", 5);
  dm_output_close(&output);
  read_all(master);
  ck_assert_str_eq(read_back, "dump\r\n");
  alarm(10);
  ck_assert(dm_output_open_remote(&output, getpid(), slave, 0));
  dm_output_write(&output, big, sizeof big);
  ck_assert(output.cut);
  dm_output_close(&output);
}
END_TEST

START_TEST(test_remote_refused)
{
  int ends[2];
  init("stderr");
  int self = getpid();
  unsigned before = descriptors();
  ck_assert(!dm_output_open_remote(&output, self, 999, 0));
  ck_assert(!dm_output_open_remote(&output, self, -1, 0));
  ck_assert(!dm_output_open_remote(&output, 0, 1, 0));
  ck_assert(!dm_output_open_remote(&output, -5, 1, 0));
  ck_assert(!dm_output_open_remote(&output, INT_MAX, 1, 0));
  ck_assert_uint_eq(descriptors(), before);
  static const char *const paths[] = {"/dev/zero", "/dev/null", "/dev/full",
                                      "/dev/ptmx", "/tmp"};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
  {
    int fd = open(paths[i], O_RDONLY);
    ck_assert_int_ge(fd, 0);
    before = descriptors();
    ck_assert_msg(!dm_output_open_remote(&output, self, fd, 0), "%s", paths[i]);
    ck_assert_int_eq(output.fd, -1);
    ck_assert_uint_eq(descriptors(), before);
    close(fd);
  }
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  ck_assert(!dm_output_open_remote(&output, self, ends[0], 0));
  /* A write to what was refused is given up and counted. */
  dm_output_write(&output, "x", 1);
  ck_assert(output.cut);
  dm_output_close(&output);
  /* A pipe can be opened when nobody reads it any more, but not written. */
  ck_assert_int_eq(pipe(ends), 0);
  close(ends[0]);
  ck_assert(dm_output_open_remote(&output, self, ends[1], 0));
  dm_output_write(&output, "x", 1);
  ck_assert(output.cut);
  dm_output_close(&output);
}
END_TEST

START_TEST(test_use)
{
  int ends[2];
  init("stderr");
  ck_assert_int_eq(pipe(ends), 0);
  dm_output_use(&output, ends[1], 0);
  dm_output_write(&output, "dump\n", 5);
  ck_assert(!output.cut);
  dm_output_close(&output);
  ck_assert_int_ne(fcntl(ends[1], F_GETFD), -1);
  ck_assert_uint_eq(read_all(ends[0]), 5);
  dm_output_use(&output, ends[1], 0);
  dm_output_write(&output, big, sizeof big);
  ck_assert(output.cut);
  dm_output_use(&output, 999, 0);
  dm_output_write(&output, "x", 1);
  ck_assert(output.cut);
  dm_output_use(&output, -1, 0);
  dm_output_write(&output, "x", 1);
  ck_assert(output.cut);
  dm_output_close(&output);
}
END_TEST

START_TEST(test_attached_text)
{
  char buffer[10];
  struct dm_text text;
  init("out");
  dm_output_open(&output, 0);
  dm_text_init(&text, buffer, sizeof buffer);
  dm_output_attach(&output, &text);
  for (int i = 0; i < 1000; i++)
  {
    dm_text_unsigned(&text, i);
    dm_text_char(&text, '\n');
  }
  dm_text_flush(&text);
  dm_output_close(&output);
  ck_assert(!output.cut);
  char *expected = read_back + sizeof read_back / 2, *at = expected;
  for (int i = 0; i < 1000; i++)
    at += sprintf(at, "%d\n", i);
  ck_assert_str_eq(contents("out"), expected);
}
END_TEST

static Suite *
make_output_remote_suite(void)
{
  Suite *suite = suite_create("output_remote");
  TCase *tests = tcase_create("all");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
  tcase_add_test(tests, test_remote_pipe);
  tcase_add_test(tests, test_remote_file);
  tcase_add_test(tests, test_remote_terminal);
  tcase_add_test(tests, test_remote_refused);
  tcase_add_test(tests, test_use);
  tcase_add_test(tests, test_attached_text);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_output_remote_suite());
}
