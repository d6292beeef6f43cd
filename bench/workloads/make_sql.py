"""Write the SQL of the sqlite3 row: tables, indexes, joins and text in memory.

usage: make_sql.py STATEMENTS > FILE

The same number gives the same file.  STATEMENTS is the number of single
INSERT, UPDATE and SELECT statements, each of which sqlite3 parses and plans;
a few long queries follow.
"""

import random
import sys

WORDS = ("alder birch cedar elm fir hazel juniper larch maple oak pine rowan "
         "spruce willow yew").split()

LONG_QUERIES = """
CREATE INDEX visit_place ON visit(place, length);
SELECT place, count(*), sum(length), group_concat(note, '-') FROM visit
  GROUP BY place ORDER BY 3 DESC LIMIT 20;
SELECT count(*) FROM (SELECT a.id FROM visit a JOIN visit b ON
  a.place = b.place AND a.length < b.length LIMIT 150000);
WITH RECURSIVE n(i, t) AS (SELECT 1, 'x' UNION ALL SELECT i + 1,
  printf('%d-%s', i * 7919 % 10007, substr(t, 1, 40)) FROM n WHERE i < 60000)
  SELECT count(DISTINCT t), max(length(t)) FROM n;
SELECT sum(json_extract(json_object('a', id, 'b', note), '$.a')) FROM visit;
"""


def statement(chance, number):
    """One statement as text; NUMBER is the next row's id."""
    kind = chance.random()
    place = chance.randrange(500)
    if kind < 0.6:
        note = " ".join(chance.choices(WORDS, k=chance.randrange(1, 12)))
        return (f"INSERT INTO visit(id, place, length, note) VALUES({number}, "
                f"{place}, {chance.randrange(10000)}, '{note}');")
    if kind < 0.8:
        return (f"UPDATE visit SET note = note || '{chance.choice(WORDS)}' "
                f"WHERE id = {chance.randrange(number + 1)};")
    return (f"SELECT count(*), upper(max(note)) FROM visit WHERE id BETWEEN "
            f"{max(0, number - 40)} AND {number} AND place <> {place};")


def main():
    """Print the file."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: make_sql.py STATEMENTS > FILE")
    chance = random.Random(20)
    print("CREATE TABLE visit(id INTEGER PRIMARY KEY, place INT, length INT, "
          "note TEXT);\nBEGIN;")
    for number in range(int(sys.argv[1])):
        print(statement(chance, number))
    print("COMMIT;" + LONG_QUERIES)


main()
