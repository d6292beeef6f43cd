/* interrupted.c -- waits in the calls that are never restarted after a signal:
   none may end before its time. Argument: milliseconds. */

#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

#include "small.h"

int
main(int argc, char **argv)
{
  int milliseconds = atoi(argv[argc - 1]);
  int pair[2], epoll = epoll_create1(0);
  CHECK(argc == 2 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && epoll >= 0);
  struct timespec rest = { milliseconds / 1000, milliseconds % 1000 * 1000000L }, until;
  struct timeval time = { milliseconds / 1000, milliseconds % 1000 * 1000 };
  struct pollfd wanted = { .fd = pair[0], .events = POLLIN };
  CHECK(poll(&wanted, 1, milliseconds) == 0);
  CHECK(select(0, NULL, NULL, NULL, &time) == 0);
  struct epoll_event event;
  CHECK(epoll_wait(epoll, &event, 1, milliseconds) == 0);
  CHECK(nanosleep(&rest, &rest) == 0);
  sem_t semaphore;
  CHECK(sem_init(&semaphore, 0, 0) == 0 && clock_gettime(CLOCK_REALTIME, &until) == 0);
  until.tv_sec += 1 + milliseconds / 1000;
  CHECK(sem_timedwait(&semaphore, &until) == -1 && errno == ETIMEDOUT);
  struct timeval patience = { .tv_usec = 500000 };
  char byte;
  CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  CHECK(recv(pair[0], &byte, 1, 0) == -1 && errno == EAGAIN);
  return 0;
}
