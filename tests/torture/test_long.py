"""A million forks and a billion allocations: for `scons torture-long` only."""

import time
import unittest

import harness
import torture

PLUGINS = harness.SMALL / "plugins"
LEAKING, THROWING = str(PLUGINS / "leaking.so"), str(PLUGINS / "throwing.so")


@unittest.skipUnless(torture.LONG, "hours long: scons torture-long")
class Long(harness.Case):

    def setUp(self):
        harness.PATIENCE = 12 * 3600
        self.begin = time.monotonic()

    def survived(self, what, dump):
        """Says how much there was, for docs/GUARANTEES.md."""
        self.assertEqual(dump["self"]["unwind_failed"], 0)
        print(f"\nsurvived {what} in {time.monotonic() - self.begin:,.0f} s:",
              dump["totals"], dump["self"], flush=True)

    def test_a_million_forks(self):
        """Of 64 threads that allocate; each child allocates, loads a library
        and catches an exception of it, and must end as it should."""
        result = self.run_small("fork_storm", "64", "15625", THROWING, interval=1, at_exit=0,
                                top=10)
        dump = max(result.dumps, key=lambda dump: dump["seq"])       # the parent's last
        self.survived(f"{64 * 15625:,} forks, {len(result.dumps):,} dumps", dump)

    def test_a_billion_allocations(self):
        """While libraries come and go and exceptions fly."""
        dump = self.run_small("loader_storm", "900", LEAKING, THROWING, "1000", interval=1).dump()
        self.assert_balanced(dump)
        self.assertGreater(dump["totals"]["allocations"], 10 ** 9)
        self.survived("a billion allocations", dump)

    def test_a_million_threads(self):
        dump = self.run_small("thread_churn", "1000000", interval=1).dump()
        self.assert_balanced(dump)
        self.survived("a million threads", dump)
