/* hello_world.c -- the small program that the README takes a look at. */

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Frees what it makes. */
static void
greet(const char *whom)
{
  char *greeting;
  if (asprintf(&greeting, "hello, %s", whom) < 0)
    exit(1);
  puts(greeting);
  free(greeting);
}

int
main(void)
{
  setlocale(LC_ALL, "");
  greet("world");

  time_t now = time(NULL);
  char date[40];
  strftime(date, sizeof date, "%Y", localtime(&now));
  printf("it is the year %s\n", date);

  /* Never freed: the system takes it back when the program ends. */
  char *notes = malloc(1536);
  snprintf(notes, 1536, "nothing leaks here that matters");
  puts(notes);
  return 0;
}
