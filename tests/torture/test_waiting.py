"""Calls that are never restarted after a signal, each for a minute."""

import harness


class Waiting(harness.Case):

    def test_a_minute_in_each_call(self):
        harness.PATIENCE = 900
        dump = self.run_small("interrupted", "60000", interval=1).dump()
        self.assert_balanced(dump)
        self.assertGreaterEqual(dump["seq"], 240)
