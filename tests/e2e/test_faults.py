"""Each system call of ours made to fail in turn: the program never notices."""

import collections
import json
import pathlib
import tempfile

import harness

LIBRARY = harness.ROOT / "build/tests/libdmalloc-faults.so"

# More calls than any of these programs makes us do.
MOST = 30
PROGRAMS = ("frees", "throws", "forks", "many_stacks", "thread_churn")
TOP = {"many_stacks": 10}
ARGUMENTS = {"thread_churn": ("300",), "asked_often": ("5",)}


def whole_dumps(folder):
    """The dumps in the files of FOLDER, without what a failed write cut off."""
    found = []
    for path in sorted(pathlib.Path(folder).iterdir()):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"}\n"):
                found.append(json.loads(line))
    return found


class Faults(harness.Case):

    def outcome(self, name, fail, **settings):
        """Runs a small program with its FAILth call failing, which must not
        show in what it does."""
        command = [harness.small(name), *ARGUMENTS.get(name, ())]
        with tempfile.TemporaryDirectory() as folder:
            result = harness.run(command, preload=LIBRARY, env={"DMALLOC_TEST_FAIL": fail},
                                 output=f"{folder}/%p.dumps",
                                 **{"top": TOP.get(name, "all")} | settings)
            result.dumps = whole_dumps(folder)
        lines = [line for line in result.stderr.decode().splitlines()
                 if not line.startswith("dmalloc: ")]
        self.assertEqual((result.status, lines), (0, []), (name, fail, result.stdout))
        return result

    def test_one_call_fails(self):
        for name in PROGRAMS:
            for interval in (0, "0.05"):
                plain = self.outcome(name, "0", interval=interval)
                seen = collections.Counter()
                for number in range(1, MOST):
                    with self.subTest(name, number=number, interval=interval):
                        result = self.outcome(name, str(number), interval=interval)
                        if name != "forks":              # it says its pids
                            self.assertEqual(result.stdout, plain.stdout)
                        for dump in result.dumps:
                            self.assertEqual(dump["totals"]["allocations"]
                                             - dump["totals"]["frees"], dump["totals"]["live"])
                            whole = len(dump["top"]) == dump["callsites"]["used"]
                            if dump["trigger"] == "exit" and whole:
                                self.assert_balanced(dump)
                        seen[len(result.dumps) > 0] += 1
                self.assertGreater(seen[True], 0)

    def test_all_calls_fail_from_one_on(self):
        for name in PROGRAMS:
            for interval in (0, "0.05"):
                for number in (*range(1, 15), 20, 25):
                    with self.subTest(name, number=number, interval=interval):
                        self.outcome(name, f"{number}+", interval=interval)

    def test_a_loss_is_shown(self):
        """No memory for the tables: said once. A dump that is cut: counted in
        the next one."""
        result = self.outcome("frees", "1")
        self.assertEqual(result.dumps, [])
        self.assertRegex(result.stderr, rb"^dmalloc: this process is not tracked: ")
        for number in range(10, 2 * MOST):
            dump = self.outcome("asked_often", str(number), interval="0.1", top=10).dump()
            if dump["self"]["dumps_cut"] > 0:
                return
        self.fail("no dump was cut")

    def test_a_missing_reporter_is_shown(self):
        """Where its memory or its thread is refused, the dump at the end says so."""
        said = {dump["self"]["degraded"] for number in range(1, MOST)
                for dump in self.outcome("frees", str(number), interval=1000).dumps}
        self.assertIn("no thread for periodic dumps could be started", said)
        self.assertIn(None, said)
