"""PostgreSQL: initdb, pgbench, crash recovery, SIGUSR1 between its processes."""

import os
import pathlib
import unittest

import torture

CHECKS = """
CREATE TABLE t AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 50000) i;
CREATE INDEX ON t (name); ANALYZE t;
SELECT count(*), min(name), max(name) FROM t;
SELECT sum(length(a.name || b.name)) FROM t a JOIN t b ON a.id = b.id + 1;
SELECT string_agg(name, ',' ORDER BY name) FROM (SELECT name FROM t LIMIT 50) s;
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0; SELECT count(*) FROM t WHERE name LIKE '%ab%';
DO $$ BEGIN FOR i IN 1..2000 LOOP BEGIN PERFORM 1 / (i % 2); EXCEPTION WHEN OTHERS THEN NULL;
END; END LOOP; END $$;
SELECT xmin IS NULL, nonsense FROM t;
SELECT jsonb_agg(x)::text = jsonb_agg(x)::text FROM generate_series(1, 5000) x;
LISTEN c; NOTIFY c, 'told'; VACUUM FULL t; SELECT pg_sleep(1.5); SELECT count(*) FROM t;
SELECT sum(abalance) = (SELECT sum(delta) FROM pgbench_history) FROM pgbench_accounts;
"""


def programs():
    """The folder of the newest server that Debian installed."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@unittest.skipUnless(programs(), "postgresql is not installed")
@unittest.skipIf(os.geteuid(), "needs root, to be another user")
class Postgresql(torture.Case):

    def setUp(self):
        super().setUp()
        self.user = torture.NOBODY

    def script(self, transactions):
        """The server's whole life."""
        return f"""
PATH={programs()}:$PATH; export PGDATA=$PWD/data PGHOST=$PWD PGUSER=pg PGDATABASE=postgres
initdb -U pg -A trust --no-sync --locale=C >initdb.log 2>&1 || {{ cat initdb.log; exit 1; }}
start() {{ pg_ctl -w -s -l server.log -o "-k $PWD -h '' -c fsync=off -c log_statement=none" start; }}
start; pgbench -i -q -s 2 >/dev/null 2>&1
pgbench -n -c 4 -j 2 -t {transactions} 2>&1 | grep -E 'processed|failed'
pgbench -n -C -c 2 -t 50 2>&1 | grep -E 'processed|failed'
psql -X -q -At -f - 2>&1 | sed 's/PID [0-9]*/PID/'; pg_dump -t t | grep -v restrict | md5sum
pg_ctl -s -m immediate stop; start; psql -X -At -c 'SELECT count(*) FROM t'
kill -HUP $(head -1 data/postmaster.pid); pg_ctl -s -w -m fast stop; echo stopped $?
# A session that the stop still meets is ended by it, in either run.
grep -E 'PANIC|FATAL|terminated by|server process' server.log |
  grep -v -e 'starting up' -e 'administrator command'; exit 0
"""

    @torture.quick
    def test_initdb_and_pgbench(self):
        self.lifetime(200)

    def test_more_transactions(self):
        self.lifetime(5000)

    def lifetime(self, transactions):
        """Compares the life of a server of so many TRANSACTIONS a client."""
        ran = self.compare(self.script(transactions), stdin=CHECKS.encode(), top=10)
        self.assertIn(f"{4 * transactions}/{4 * transactions}".encode(), ran.stdout)
        self.assertIn(b"stopped 0", ran.stdout)
