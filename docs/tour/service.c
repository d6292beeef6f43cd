/* service.c -- the little server of docs/TOUR.md: a table from the start, a
   cache that fills and then holds, requests that come and go, and a leak.

       gcc -g service.c -o service
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE = 4000, CACHE = 3000, FORGETS = 25 };

struct session
{
  char user[480];
};

static char *cache[CACHE];

static void
load_table(void)
{
  char **table = malloc(TABLE * sizeof *table);
  for (int i = 0; i < TABLE; i++)
    table[i] = memset(malloc(512), i, 512);
}

static struct session *
session_new(unsigned number)
{
  struct session *session = malloc(sizeof *session);
  memset(session, (int) number, sizeof *session);
  return session;
}

static void
cache_page(unsigned number)
{
  char **page = &cache[number % CACHE];
  free(*page);
  *page = memset(malloc(1024), (int) number, 1024);
}

static void
serve(unsigned number)
{
  struct session *session = session_new(number);
  char *answer = malloc(8192);
  memset(answer, 0, 8192);
  cache_page(number);
  usleep(1000);
  free(answer);
  if (number % FORGETS != 0) /* the bug: some are never closed */
    free(session);
}

int
main(void)
{
  load_table();
  for (unsigned number = 1;; number++)
    serve(number);
}
