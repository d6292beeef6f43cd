"""Known programs, counted to the last block and byte."""

import harness


class Counts(harness.Case):

    def test_each_entry_point_is_seen_once(self):
        dump = self.run_small("entry_points").dump()
        self.assert_balanced(dump)
        sizes = {"call_malloc": 101, "call_calloc": 102, "call_realloc": 103,
                 "call_reallocarray": 104, "call_aligned_alloc": 128, "call_memalign": 105,
                 "call_posix_memalign": 106, "call_valloc": 107, "call_pvalloc": 108,
                 "call_strdup": 13}
        for function, size in sizes.items():
            site = self.site(dump, function)
            if function == "call_pvalloc":       # rounds up to a page, or asks for 108
                self.assertIn(site["bytes"], (108, 4096))
            else:
                self.assert_figures(site, live=1, bytes=size, allocations=1, frees=0,
                                    allocated_bytes=size)
        self.assert_figures(self.site(dump, "call_asprintf"), live=1)
        self.assertEqual(dump["totals"]["live"], 11)

    def test_frees_and_frees_by_realloc(self):
        dump = self.run_small("frees").dump()
        self.assert_balanced(dump)
        self.assert_figures(dump["totals"], allocations=1000, frees=990, live=10,
                            live_bytes=480, allocated_bytes=48000, reallocs_moved=0,
                            reallocs_in_place=0, foreign_frees=0)
        self.assertGreaterEqual(dump["totals"]["peak_bytes"], 480)
        self.assert_figures(self.site(dump, "make", "main"), live=10, bytes=480,
                            allocations=1000, frees=990)

    def test_each_way_of_realloc(self):
        dump = self.run_small("reallocs").dump()
        self.assert_balanced(dump)
        # made: shrunk, moving, neighbour, failing, and the moved one
        self.assert_figures(dump["totals"], allocations=5, frees=1, live=4,
                            live_bytes=1010 + 20000 + 2000 + 77,
                            allocated_bytes=3000 + 2 * 2000 + 77 + 20000,
                            reallocs_in_place=2, reallocs_moved=1)
        self.assert_figures(self.site(dump, "make_shrunk"), live=1, bytes=1010, allocations=1,
                            frees=0, reallocs_in_place=2, reallocs_moved=0)
        self.assertIn(self.site(dump, "make_shrunk")["grown_bytes"], (10, 1010 - 3000))
        self.assert_figures(self.site(dump, "move"), live=1, bytes=20000, allocations=1)
        self.assert_figures(self.site(dump, "make_failing"), live=1, bytes=77, frees=0)

    def test_size_rows(self):
        dump = self.run_small("sizes").dump()
        self.assert_balanced(dump)
        # The block sizes in order, the first once, the second twice ...
        expected = [1 + 2] + [4 * row + 3 for row in range(1, 12)]
        self.assertEqual([row["live"] for row in dump["sizes"]],
                         [3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47])
        self.assertEqual(expected, [row["live"] for row in dump["sizes"]])
        edges = [0] + [4 << n for n in range(11)] + [None]
        self.assertEqual([(row["from"], row["to"]) for row in dump["sizes"]],
                         list(zip(edges, edges[1:])))

    def test_eight_threads_ten_million(self):
        dump = self.run_small("threads").dump()
        self.assert_balanced(dump)
        site = self.site(dump, "make", "work")
        kept = 8 * 1250000 // 10000
        self.assert_figures(site, allocations=10_000_000, frees=10_000_000 - kept, live=kept)
        self.assertEqual(site["bytes"], 8 * sum(1 + i % 200 for i in range(0, 1250000, 10000)))
        self.assertEqual(site["allocated_bytes"], 8 * sum(1 + i % 200 for i in range(1250000)))

    def test_two_hundred_thousand_stacks(self):
        dump = self.run_small("many_stacks").dump()
        self.assert_balanced(dump)
        self.assert_figures(dump["totals"], allocations=200000, frees=0, live=200000,
                            live_bytes=200000 * 40)
        self.assertEqual(dump["callsites"]["cap"], 65536)
        self.assertGreater(dump["callsites"]["used"], 1000)
        self.assertGreater(dump["self"]["table_bytes"], 0)
        self.assertLess(dump["self"]["table_bytes"], 256 << 20)

    def test_a_small_table_loses_no_count(self):
        dump = self.run_small("many_stacks", callsites=100).dump()
        self.assert_balanced(dump)
        self.assertEqual(dump["totals"]["live"], 200000)
        self.assertEqual(dump["callsites"]["cap"], 100)
        self.assertLessEqual(dump["callsites"]["used"], 100)
        # Most are known by their callers only, of which there are two.
        shortest = min(len(site["frames"]) for site in dump["top"])
        self.assertEqual((shortest, dump["callsites"]["other_live"]), (1, 0))

    def test_a_burst_of_threads(self):
        dump = self.run_small("burst").dump()
        self.assert_balanced(dump)
        self.assert_figures(self.site(dump, "make", "work"), allocations=20000, frees=18000,
                            live=2000, bytes=2000 * 64)
        # Ledgers are inherited: not one for each of the 2,000 threads.
        self.assertLess(dump["self"]["threads"], 60)

    def test_stacks_that_move(self):
        """Each thread pointer takes a place and keeps it; every block is counted."""
        dump = self.run_small("moving_stacks", "200").dump()
        self.assert_balanced(dump)
        self.assertEqual(dump["callsites"]["other_live"], 0)
        self.assertGreaterEqual(dump["totals"]["frees"], 200 * 16)
        self.assertGreater(dump["self"]["threads"], 16)

    def test_blocks_that_are_not_ours(self):
        dump = self.run_small("foreign").dump()
        self.assert_balanced(dump)
        self.assert_figures(dump["totals"], allocations=0, frees=0, foreign_frees=5)

    def test_an_overflow_by_one_byte_is_not_believed(self):
        dump = self.run_small("foreign", "overflow").dump()
        self.assert_balanced(dump)
        self.assert_figures(dump["totals"], allocations=3, frees=0, live=3, foreign_frees=5)
        self.assertEqual(dump["self"]["broken_stamps"], 3)

    def test_a_handler_that_allocates(self):
        dump = self.run_small("signal_storm").dump()
        self.assert_balanced(dump)
        self.assertEqual(dump["totals"]["live"], 0)
