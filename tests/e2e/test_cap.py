"""More stacks than there is room for: what is still known then."""

import harness


class Cap(harness.Case):

    def check_leaks(self, result, late):
        """Ten leaks, of which those from LATE on began in the middle of the storm."""
        dump = result.dump()
        self.assert_balanced(dump)
        counts = [int(line) for line in result.stdout.split()]
        self.assertEqual(dump["totals"]["live"], sum(counts))
        self.assertEqual(dump["totals"]["allocations"], 1000000 + sum(counts))
        levels = [f"level_{level}" for level in range(12, 0, -1)]
        for which, count in enumerate(counts):
            site = self.site(dump, f"leak_{which}", *levels, "main")
            if which < late:
                self.assert_figures(site, live=count, bytes=count * (100 + which))
            # A stack that comes for the first time when room is scarce is shortened at first.
            self.assertGreater(site["live"], count * 0.6)
            every = [site for site in dump["top"] if harness.names(site)[0] == f"leak_{which}"]
            self.assertEqual(sum(site["bytes"] for site in every), count * (100 + which))
            self.assertLessEqual(len(every), 4)
        self.assertLessEqual(dump["callsites"]["used"], dump["callsites"]["cap"])

    def test_a_million_stacks_hide_no_leak(self):
        for interval in (0, 0.2):
            with self.subTest(interval=interval):
                result = self.run_small("million_stacks", interval=interval)
                self.check_leaks(result, 5)

    def test_with_room_for_a_thousand(self):
        """Late leaks drown there: between two of their blocks come ten times as many stacks as
        there is room for. Those that were there before stay, to the byte."""
        dump = self.run_small("million_stacks", callsites=1000).dump()
        self.assert_balanced(dump)
        for which in range(5):
            site = self.site(dump, f"leak_{which}", "level_12", "main")
            count = 101 - (which == 0)
            self.assert_figures(site, live=count, bytes=count * (100 + which))
