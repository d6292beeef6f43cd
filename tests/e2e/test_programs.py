"""Real programs: the same output and exit status, and books that balance."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile

import harness

PYTHON = """
import collections, json, subprocess, sys, threading
words = [f"word{i % 977}" for i in range(200000)]
count = collections.Counter(words)
tree = json.loads(json.dumps({"count": count, "list": list(range(20000))}))
results = []
def work(n):
    results.append(sum(len(str(i) * n) for i in range(20000)))
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(tree["list"]), count.most_common(3), sorted(results))
print(subprocess.run(["/bin/echo", "child"], capture_output=True, text=True).stdout)
try:
    bytearray(1 << 62)
except MemoryError:
    print("no memory, as it should be")
sys.exit(7)
"""

PERL = r"""
my %seen; my @list;
for my $i (1 .. 100000) {
    $seen{"key" . $i % 1009} .= chr(65 + $i % 26);
    push @list, "x" x ($i % 50);
}
print join(",", map { length $seen{$_} } (sort keys %seen)[0 .. 9]), "\n";
print scalar(grep { /x{25}/ } @list), "\n";
print `echo from a child`;
exit 5;
"""

SQL = """
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INTEGER);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50000)
INSERT INTO t SELECT i, printf('name-%05d', i * 7919 % 50000), i % 101 FROM c;
CREATE INDEX byname ON t(name);
SELECT n, count(*), min(name), max(name) FROM t GROUP BY n ORDER BY n LIMIT 5;
SELECT group_concat(name) FROM (SELECT name FROM t ORDER BY name DESC LIMIT 20);
SELECT nonsense;
"""

SHELL = """
for i in $(seq 200); do echo "line $i" | sed 's/line/row/' ; done | sort -r | head -n 20
f() { local a=("$@"); printf '%s\\n' "${a[@]/row/x}"; }
f row1 row2 "row 3"; x=$(cat <<END
here $((6 * 7))
END
); echo "$x"; (trap 'echo trapped' USR1; kill -USR1 $BASHPID); cat <(echo substituted)
set -o pipefail; false | true
"""

GIT = """
set -e
git init -q .
for i in 1 2 3 4 5 6 7 8; do
  mkdir -p dir$i; seq $i 3000 >dir$i/numbers; echo "$i" >file
  git add .; git commit -q -m "number $i"
done
git log --stat --format=%H%n%s; git gc -q; git fsck --strict
git clone -q . ../clone; git -C ../clone rev-parse HEAD; git -C ../clone branch -a
git grep -c 77; git blame -s file; git diff HEAD~3 --stat
git merge nothing
"""


class Programs(harness.Case):

    def compare(self, command, stdin=b"", results=(), balanced=True, **how):
        """Runs COMMAND without and with the profiler, each in a fresh folder.

        RESULTS: files in the folder that must come out the same.
        """
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        seen = []
        for preload in (False, True):
            # The folder's name is part of some outputs.
            folder = pathlib.Path(tempfile.gettempdir(), f"dmalloc-{os.getpid()}")
            folder.mkdir()
            try:
                work = folder / "work"
                work.mkdir()
                result = harness.run(command, preload=preload, stdin=stdin, cwd=work,
                                     interval=1, **how)
                files = [(work / name).read_bytes() for name in results]
            finally:
                shutil.rmtree(folder)
            seen.append((result.status, result.stdout, result.stderr, files))
        self.assertEqual(seen[0][0], seen[1][0], seen[1][2])
        self.assertEqual(seen[0][1:3], seen[1][1:3])
        self.assertTrue(seen[0][3] == seen[1][3], "a file that it wrote differs")
        finals = [dump for dump in result.dumps if dump["trigger"] == "exit"]
        self.assertTrue(finals)
        for dump in finals:
            self.assert_balanced(dump)
        return result

    def test_python(self):
        for allocator in ("malloc", "pymalloc"):
            self.compare(["/usr/bin/python3", "-c", PYTHON],
                         env={"PYTHONMALLOC": allocator, "PYTHONHASHSEED": "0"})

    def test_perl(self):
        self.compare(["/usr/bin/perl", "-e", PERL], env={"PERL_HASH_SEED": "0"})

    def test_sqlite(self):
        self.compare(["/usr/bin/sqlite3", "data.db"], stdin=SQL.encode())

    def test_git(self):
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                    for what, value in (("NAME", "a"), ("EMAIL", "a@example.org"),
                                        ("DATE", "2020-01-01T00:00:00Z"))}
        self.compare(["/bin/sh", "-c", GIT], env=identity | {
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})

    def test_gcc(self):
        numbers = random.Random(1)
        source = "#include <string.h>\n#include <stdlib.h>\n" + "".join(
            f"int f{i}(int a, int b) {{ int r = {numbers.randrange(99)}; "
            f"for (int i = 0; i < a; i++) {{ if (b > i) r += a * {numbers.randrange(99)}; "
            f"else r ^= b + {'f%d(b, i)' % numbers.randrange(i) if i else 'i'}; "
            f"switch (r & 3) {{ case 0: r++; case 1: r *= 3; }} }} return r; }}\n"
            for i in range(1500))
        self.compare(["/usr/bin/gcc", "-O1", "-pipe", "-c", "-x", "c", "-", "-o", "large.o"],
                     stdin=source.encode(), results=["large.o"])
        self.compare(["/usr/bin/gcc", "-x", "c", "-c", "-"], stdin=b"int f( { syntax error")

    def test_bash(self):
        result = self.compare(["/bin/bash", "-c", SHELL])
        self.assertEqual(result.status, 1)

    def test_xz(self):
        data = random.Random(2).choices(b"abcdefgh \n", k=4_000_000)
        for options in (["-T2", "--block-size=1MiB", "-1"], ["-T1", "-2"]):
            packed = self.compare(["/usr/bin/xz", "-c", *options], stdin=bytes(data)).stdout
        self.compare(["/usr/bin/xz", "-dc", "-T2"], stdin=packed)

    def test_ninja(self):
        rules = "rule make\n command = seq $n | sort -r > $out && echo made $out\n"
        rules += "".join(f"build out{i}: make\n n = {1000 + i}\n" for i in range(40))
        rules += "rule fail\n command = false\nbuild bad: fail | " + " ".join(
            f"out{i}" for i in range(40)) + "\n"
        script = ("cat > build.ninja && ninja -j1 out39 && ninja -j1; ninja -t targets all; "
                  + harness.small("throws"))
        self.compare(["/bin/sh", "-c", script], stdin=rules.encode())

    def test_redis(self):
        if not shutil.which("redis-server"):
            self.skipTest("redis-server is not installed")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])

        def client(*command):
            done = subprocess.run([command[0], "-p", port, *command[1:]], check=True, timeout=100,
                                  env=harness.environment(preload=False), capture_output=True)
            return done.stdout.decode().strip()

        with tempfile.TemporaryDirectory() as folder:
            with harness.running(["/usr/bin/redis-server", "--port", port, "--bind", "127.0.0.1",
                                  "--dir", folder, "--save", "", "--loglevel", "warning"],
                                 at_exit=1, interval="0.5") as server:
                def answers():
                    try:
                        return client("redis-cli", "ping") == "PONG"
                    except subprocess.CalledProcessError:
                        return False
                harness.wait_until(answers, "redis to answer")
                self.assertIn("jemalloc", client("redis-cli", "info", "memory"))
                done = client("redis-benchmark", "-n", "20000", "-q", "-t",
                              "set,get,incr,lpush,lpop,sadd,hset,zadd,lrange_100,mset")
                self.assertIn("requests per second", done)
                client("redis-cli", "bgsave")
                harness.wait_until(
                    lambda: "rdb_bgsave_in_progress:0" in client("redis-cli", "info",
                                                                 "persistence"), "BGSAVE")
                self.assertIn("rdb_last_bgsave_status:ok",
                              client("redis-cli", "info", "persistence"))
                self.assertTrue(pathlib.Path(folder, "dump.rdb").exists())
                subprocess.run(["redis-cli", "-p", port, "shutdown", "nosave"], check=False,
                               env=harness.environment(preload=False), capture_output=True)
                self.assertEqual(server.process.wait(30), 0)
                last = [dump for dump in server.dumps() if dump["pid"] == server.pid][-1]
                self.assertEqual(last["trigger"], "exit")
                self.assert_balanced(last)
                self.assertGreater(last["totals"]["allocations"], 100000)
