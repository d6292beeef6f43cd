/* shop.c -- a shop that forgets something: the program of docs/LEAKS.md.

       gcc -g -o build/shop docs/leaks/shop.c -lsqlite3
       build/shop                 a customer every 20 ms, for ever

   Its catalog is loaded at the start and stays; the last receipts are kept for
   a while; and each customer asks sqlite for a price. One of these three
   leaks. */

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum
{
  PRODUCTS = 1000,
  RECEIPTS = 500
};

/* The catalog: PRODUCTS prices in memory. */
static sqlite3 *
open_catalog(void)
{
  static const char fill[] =
      "CREATE TABLE product (name TEXT PRIMARY KEY, price INTEGER);"
      "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c)"
      "INSERT INTO product SELECT 'product ' || i, i * 7919 % 997"
      " FROM c LIMIT 1000";
  sqlite3 *catalog = NULL;
  if (sqlite3_open(":memory:", &catalog) != SQLITE_OK ||
      sqlite3_exec(catalog, fill, NULL, NULL, NULL) != SQLITE_OK)
  {
    fprintf(stderr, "shop: %s\n", sqlite3_errmsg(catalog));
    exit(1);
  }
  return catalog;
}

/* What NAME costs, or -1 if the shop has no such thing. */
static int
price_of(sqlite3 *catalog, const char *name)
{
  sqlite3_stmt *query = NULL;
  sqlite3_prepare_v2(catalog, "SELECT price FROM product WHERE name = ?", -1,
                     &query, NULL);
  sqlite3_bind_text(query, 1, name, -1, SQLITE_TRANSIENT);
  if (sqlite3_step(query) != SQLITE_ROW)
    return -1;
  int price = sqlite3_column_int(query, 0);
  sqlite3_finalize(query);
  return price;
}

/* Keeps a receipt in the place of the oldest one. */
static void
keep_receipt(const char *name, int price)
{
  static char *receipts[RECEIPTS];
  static unsigned next;
  char *receipt = malloc(80);
  if (receipt)
    snprintf(receipt, 80, "one %s: %d", name, price);
  free(receipts[next]);
  receipts[next] = receipt;
  next = (next + 1) % RECEIPTS;
}

static void
serve_customer(sqlite3 *catalog)
{
  char name[32];
  /* One in ten asks for what the shop has not. */
  snprintf(name, sizeof name, "product %d", rand() % (PRODUCTS * 10 / 9));
  int price = price_of(catalog, name);
  if (price >= 0)
    keep_receipt(name, price);
}

int
main(int count, char **arguments)
{
  useconds_t pause = 1000 * (count > 1 ? (useconds_t) atoi(arguments[1]) : 20);
  sqlite3 *catalog = open_catalog();
  for (;;)
  {
    serve_customer(catalog);
    usleep(pause);
  }
}
