"""A million forks and a billion allocations: for `scons torture-long` only."""

import unittest

import harness
import torture

PLUGINS = harness.SMALL / "plugins"
LEAKING, THROWING = str(PLUGINS / "leaking.so"), str(PLUGINS / "throwing.so")


@unittest.skipUnless(torture.LONG, "hours long: scons torture-long")
class Long(harness.Case):

    def setUp(self):
        harness.PATIENCE = 12 * 3600

    def test_a_million_forks(self):
        result = self.run_small("fork_storm", "64", "15625", THROWING, interval=1, at_exit=0,
                                top=10)
        self.assertTrue(result.dumps)

    def test_a_billion_allocations(self):
        """While libraries come and go and exceptions fly, for a quarter of an hour."""
        dump = self.run_small("loader_storm", "900", LEAKING, THROWING, interval=1).dump()
        self.assert_balanced(dump)
        self.assertGreater(dump["totals"]["allocations"], 10 ** 9)
        print("survived", dump["totals"], flush=True)

    def test_a_minute_of_waiting(self):
        self.run_small("interrupted", "60000", interval=1)

    def test_a_million_threads(self):
        self.assert_balanced(self.run_small("thread_churn", "1000000", interval=1).dump())
