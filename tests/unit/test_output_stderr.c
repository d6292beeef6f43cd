/* test_output_stderr.c -- stderr that is slow, full, closed or replaced. */

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "fake_sys.h"
#include "output_rig.h"
#include "runner.h"

START_TEST(test_stderr_pipe)
{
  int reader = start_with_pipe();
  unsigned before = descriptors();
  ck_assert(dump(big, 20000, 0));
  ck_assert_uint_eq(fake_longest_write, PIPE_PART);
  ck_assert_uint_eq(read_all(reader), 20000);
  ck_assert_int_eq(memcmp(read_back, big, 20000), 0);
  ck_assert_uint_eq(descriptors(), before);
  init("/dev/stderr");
  ck_assert(dump_string("the same\n"));
  read_all(reader);
  ck_assert_str_eq(read_back, "the same\n");
}
END_TEST

START_TEST(test_stderr_file)
{
  int fd = open("log", O_CREAT | O_WRONLY, 0600);
  start_with_stderr(fd);
  ck_assert(dump(big, sizeof big, 0));
  ck_assert_uint_eq(fake_longest_write, sizeof big);
  ck_assert_uint_eq(strlen(contents("log")), sizeof big);
}
END_TEST

START_TEST(test_stderr_full)
{
  int reader = start_with_pipe();
  int flags = fcntl(2, F_GETFL);
  double begun = seconds_now();
  ck_assert(!dump(big, sizeof big, 0));
  ck_assert(seconds_now() - begun < 0.5);
  size_t got = read_all(reader);
  ck_assert_uint_eq(got, PIPE_FULL);
  ck_assert_int_eq(memcmp(read_back, big, got), 0);
  ck_assert_int_eq(fcntl(2, F_GETFL), flags);
}
END_TEST

START_TEST(test_stderr_patience)
{
  start_with_pipe();
  double begun = seconds_now();
  ck_assert(!dump(big, sizeof big, 200));
  double waited = seconds_now() - begun;
  ck_assert(waited > 0.19 && waited < 2);
  /* All the writes of one dump share it. */
  begun = seconds_now();
  dm_output_open(&output, 200);
  for (int i = 0; i < 100; i++)
    dm_output_write(&output, big, 5000);
  waited = seconds_now() - begun;
  ck_assert(waited > 0.19 && waited < 2);
}
END_TEST

static void *
read_slowly(void *arg)
{
  int fd = *(int *) arg;
  size_t length = 0;
  ssize_t got;
  while (length < sizeof big && (got = read(fd, read_back + length, 3000)) > 0)
  {
    length += (size_t) got;
    usleep(2000);
  }
  return NULL;
}

START_TEST(test_stderr_slow_reader)
{
  pthread_t thread;
  int reader = start_with_pipe();
  pthread_create(&thread, NULL, read_slowly, &reader);
  ck_assert(dump(big, sizeof big, 20000));
  pthread_join(thread, NULL);
  ck_assert_int_eq(memcmp(read_back, big, sizeof big), 0);
}
END_TEST

START_TEST(test_stderr_nonblocking)
{
  int reader = start_with_pipe();
  fcntl(2, F_SETFL, fcntl(2, F_GETFL) | O_NONBLOCK);
  ck_assert(!dump(big, sizeof big, 50));
  ck_assert_uint_eq(read_all(reader), PIPE_FULL);
  ck_assert(fcntl(2, F_GETFL) & O_NONBLOCK);
}
END_TEST

START_TEST(test_stderr_closed_reader)
{
  close(start_with_pipe());
  double begun = seconds_now();
  ck_assert(!dump(big, sizeof big, 5000));
  ck_assert(seconds_now() - begun < 1);
}
END_TEST

START_TEST(test_stderr_dev_full)
{
  start_with_stderr(open("/dev/full", O_WRONLY));
  ck_assert(!dump_string("x\n"));
  ck_assert_uint_eq(fake_writes_made, 1);
}
END_TEST

START_TEST(test_stderr_dev_null)
{
  start_with_stderr(open("/dev/null", O_WRONLY));
  ck_assert(dump_string("x\n"));
}
END_TEST

START_TEST(test_stderr_read_only)
{
  start_with_stderr(open("/dev/null", O_RDONLY));
  ck_assert(!dump_string("x\n"));
}
END_TEST

START_TEST(test_stderr_replaced)
{
  int reader = start_with_pipe();
  ck_assert_int_eq(dup2(open("database", O_RDWR | O_CREAT, 0600), 2), 2);
  ck_assert(!dump_string("x\n"));
  ck_assert_str_eq(contents("database"), "");
  close(2);
  ck_assert(!dump_string("x\n"));
  ck_assert_uint_eq(fake_writes_made, 0);
  ck_assert_uint_eq(read_all(reader), 0);
}
END_TEST

/* Another pipe, socket or terminal is no more ours than a database. */
START_TEST(test_stderr_replaced_by_its_kind)
{
  int ends[2];
  start_with_pipe();
  ck_assert_int_eq(pipe(ends), 0);
  dup2(ends[1], 2);
  ck_assert(!dump_string("x\n"));
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  start_with_stderr(ends[1]);
  ck_assert(dump_string("x\n"));
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  dup2(ends[1], 2);
  ck_assert(!dump_string("x\n"));
  ck_assert_int_eq(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
  start_with_stderr(ends[1]);
  ck_assert(dump_string("x\n"));
  ck_assert_int_eq(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
  dup2(ends[1], 2);
  ck_assert(!dump_string("x\n"));
  ck_assert_uint_eq(fake_writes_made, 2);
}
END_TEST

/* A stranger's reader is not waited for. */
START_TEST(test_stderr_replaced_by_a_full_one)
{
  int ends[2];
  start_with_pipe();
  ck_assert_int_eq(pipe(ends), 0);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], big, 4096) > 0)
    ;
  dup2(ends[1], 2);
  double begun = seconds_now();
  ck_assert(!dump(big, 100, 5000));
  ck_assert(seconds_now() - begun < 2);
}
END_TEST

static unsigned polls;

static void
replace_at_second_poll(void)
{
  if (++polls == 2)
    dup2(open("database", O_RDWR | O_CREAT, 0600), 2);
}

/* Replaced while the dump waits for its reader. */
START_TEST(test_stderr_replaced_meanwhile)
{
  int reader = start_with_pipe();
  fake_before_poll = replace_at_second_poll;
  ck_assert(!dump(big, sizeof big, 0));
  ck_assert_str_eq(contents("database"), "");
  ck_assert_uint_eq(read_all(reader), PIPE_PART);
}
END_TEST

START_TEST(test_stderr_closed_at_the_start)
{
  close(2);
  init("stderr");
  ck_assert_int_eq(open("database", O_RDWR | O_CREAT, 0600), 2);
  ck_assert(!dump_string("x\n"));
  ck_assert_str_eq(contents("database"), "");
}
END_TEST

START_TEST(test_stderr_socket)
{
  int ends[2];
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  start_with_stderr(ends[1]);
  ck_assert(dump(big, 5000, 0));
  ck_assert_uint_eq(read_all(ends[0]), 5000);
  size_t whole = 0;
  while (dump(big, sizeof big, 0))
    whole++;
  ck_assert_uint_le(whole, 20);
}
END_TEST

/* poll(2) calls such a socket writable when its peer's queue is full. */
START_TEST(test_stderr_datagrams)
{
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "log"};
  int reader = socket(AF_UNIX, SOCK_DGRAM, 0);
  int writer = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  ck_assert_int_eq(bind(reader, (struct sockaddr *) &name, sizeof name), 0);
  ck_assert_int_eq(connect(writer, (struct sockaddr *) &name, sizeof name), 0);
  start_with_stderr(writer);
  double begun = seconds_now();
  while (dump(big, 4096, 50))
    ck_assert(seconds_now() - begun < 10);
}
END_TEST

START_TEST(test_terminal_stalled)
{
  int master, slave;
  ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
  start_with_stderr(slave);
  close(slave);
  unsigned before = descriptors();
  int flags = fcntl(2, F_GETFL);
  alarm(10); /* a write that sleeps would never end */
  for (int i = 0; i < 5; i++)
    ck_assert(!dump(big, sizeof big, i * 10));
  ck_assert_int_eq(fcntl(2, F_GETFL), flags);
  ck_assert_uint_eq(descriptors(), before);
  ck_assert_uint_gt(read_all(master), 4096);
  ck_assert(dump_string("again\n"));
  read_all(master);
  ck_assert_ptr_nonnull(strstr(read_back, "again\r\n"));
}
END_TEST

START_TEST(test_terminal_stopped)
{
  int master, slave;
  ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
  start_with_stderr(slave);
  ck_assert_int_eq(tcflow(slave, TCOOFF), 0); /* Ctrl-S */
  alarm(10);
  ck_assert(!dump_string("x\n"));
  ck_assert_int_eq(tcflow(slave, TCOON), 0);
  ck_assert(dump_string("y\n"));
}
END_TEST

/* As after su: the terminal is another user's and cannot be opened again. */
START_TEST(test_terminal_not_opened_again)
{
  int master, slave;
  ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
  start_with_stderr(slave);
  fake_open_refuses = true;
  ck_assert(dump(big, 1000, 0));
  ck_assert_uint_eq(fake_longest_write, LINE);
  ck_assert_uint_eq(read_all(master), 1000 + 1000 / 50);
}
END_TEST

START_TEST(test_terminal_replaced)
{
  int master, slave;
  ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
  start_with_stderr(slave);
  dm_output_open(&output, 0);
  ck_assert_int_ne(output.fd, 2);
  dm_output_write(&output, "one\n", 4);
  close(2);
  dm_output_write(&output, "two\n", 4);
  ck_assert(output.cut);
  dm_output_close(&output);
  read_all(master);
  ck_assert_str_eq(read_back, "one\r\n");
}
END_TEST

static Suite *
make_output_stderr_suite(void)
{
  Suite *suite = suite_create("output_stderr");
  TCase *tests = tcase_create("all");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
  tcase_add_test(tests, test_stderr_pipe);
  tcase_add_test(tests, test_stderr_file);
  tcase_add_test(tests, test_stderr_full);
  tcase_add_test(tests, test_stderr_patience);
  tcase_add_test(tests, test_stderr_slow_reader);
  tcase_add_test(tests, test_stderr_nonblocking);
  tcase_add_test(tests, test_stderr_closed_reader);
  tcase_add_test(tests, test_stderr_dev_full);
  tcase_add_test(tests, test_stderr_dev_null);
  tcase_add_test(tests, test_stderr_read_only);
  tcase_add_test(tests, test_stderr_replaced);
  tcase_add_test(tests, test_stderr_replaced_by_its_kind);
  tcase_add_test(tests, test_stderr_replaced_by_a_full_one);
  tcase_add_test(tests, test_stderr_replaced_meanwhile);
  tcase_add_test(tests, test_stderr_closed_at_the_start);
  tcase_add_test(tests, test_stderr_socket);
  tcase_add_test(tests, test_stderr_datagrams);
  tcase_add_test(tests, test_terminal_stalled);
  tcase_add_test(tests, test_terminal_stopped);
  tcase_add_test(tests, test_terminal_not_opened_again);
  tcase_add_test(tests, test_terminal_replaced);
  suite_add_tcase(suite, tests);
  return suite;
}

int
main(void)
{
  return run_suite(make_output_stderr_suite());
}
