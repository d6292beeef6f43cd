"""Each system call of ours made to fail in turn: the program never notices."""

import collections

import harness

LIBRARY = harness.ROOT / "build/tests/libdmalloc-faults.so"

# More calls than any of these programs makes us do.
MOST = 60
PROGRAMS = {"frees": (), "throws": (), "forks": (), "many_stacks": (), "thread_churn": ("300",)}


class Faults(harness.Case):

    def outcome(self, name, fail, **settings):
        """Runs a small program with its FAILth call failing, which must not
        show in what it does."""
        command = [harness.small(name), *PROGRAMS[name]]
        result = harness.run(command, preload=LIBRARY, env={"DMALLOC_TEST_FAIL": fail},
                             **settings)
        lines = [line for line in result.stderr.decode().splitlines()
                 if not line.startswith("dmalloc: ")]
        self.assertEqual((result.status, lines), (0, []), (name, fail, result.stdout))
        return result

    def test_one_call_fails(self):
        for name in PROGRAMS:
            for interval in (0, "0.05"):
                plain = self.outcome(name, "0", interval=interval)
                fewest = collections.Counter()
                for number in range(1, MOST):
                    with self.subTest(name, number=number, interval=interval):
                        result = self.outcome(name, str(number), interval=interval)
                        if name != "forks":              # it says its pids
                            self.assertEqual(result.stdout, plain.stdout)
                        for dump in result.dumps:
                            self.assertEqual(dump["totals"]["allocations"]
                                             - dump["totals"]["frees"], dump["totals"]["live"])
                            if dump["trigger"] == "exit":
                                self.assert_balanced(dump)
                        fewest[len(result.dumps) > 0] += 1
                self.assertGreater(fewest[True], 0)

    def test_all_calls_fail_from_one_on(self):
        for name in PROGRAMS:
            for interval in (0, "0.05"):
                for number in (*range(1, 15), 20, 30, 40):
                    with self.subTest(name, number=number, interval=interval):
                        self.outcome(name, f"{number}+", interval=interval)

    def test_a_loss_is_shown(self):
        """No memory for the tables: said once. A write that fails: counted."""
        result = self.outcome("frees", "1+")
        self.assertEqual(result.dumps, [])
        self.assertRegex(result.stderr, rb"^dmalloc: this process is not tracked: ")
        with harness.running([harness.small("idle")], preload=LIBRARY, interval="0.2") as plain:
            plain.line()
            plain.await_dumps(3)
        cut = 0
        for number in range(10, MOST):
            with harness.running([harness.small("idle")], preload=LIBRARY, interval=1000,
                                 env={"DMALLOC_TEST_FAIL": str(number)}) as program:
                program.line()
                for _ in range(2):
                    harness.os.kill(program.pid, harness.signal.SIGUSR1)
                    harness.time.sleep(0.05)
                dump = program.ask()
                cut += dump["self"]["dumps_cut"]
            if cut:
                return
        self.fail("no dump was counted as cut")
