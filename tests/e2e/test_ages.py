"""Ages of live blocks."""

import harness


class Ages(harness.Case):

    def test_two_batches(self):
        with harness.running([harness.small("ages")]) as program:
            self.assertEqual(program.line(), "ask")
            dump = program.ask()
        self.assert_balanced(dump)
        self.assertEqual([row["live"] for row in dump["ages"]], [0, 50, 100, 0, 0])
        self.assertEqual([row["bytes"] for row in dump["ages"]], [0, 50000, 100000, 0, 0])
        self.assertEqual([(row["from"], row["to"]) for row in dump["ages"]],
                         [(0, 1), (1, 10), (10, 100), (100, 1000), (1000, None)])
        self.assert_figures(self.site(dump, "first_batch", "main"), live=100, bytes=100000,
                            allocations=100, allocated_bytes=100000, frees=0)
        self.assert_figures(self.site(dump, "second_batch", "main"), live=50, bytes=50000,
                            allocations=50, allocated_bytes=50000, frees=0)

    def test_the_same_as_text(self):
        with harness.running([harness.small("ages")], format="text") as program:
            self.assertEqual(program.line(), "ask")
            output = program.folder / f"{program.pid}.jsonl"
            harness.os.kill(program.pid, harness.signal.SIGUSR1)
            harness.wait_until(lambda: output.exists()
                               and "dmalloc itself" in output.read_text(), "a dump")
            lines = output.read_text().splitlines()
        row = {line.split(":")[0]: line.split("#")[-1].split(":")[-1].strip()
               for line in lines if line.startswith(("< ", "> "))}
        self.assertEqual(row, {"< 1 sec": "0, 0B", "< 10 sec": "50, 48.8KiB",
                               "< 100 sec": "100, 97.7KiB", "< 1000 sec": "0, 0B",
                               "> 1000 sec": "0, 0B"})
        self.assertTrue(any(line.strip().startswith("first_batch+") for line in lines))
        self.assertTrue(any(line.strip().startswith("second_batch+") for line in lines))

    def test_a_realloc_in_place_keeps_the_birth(self):
        dump = self.run_small("age_kept").dump()
        self.assert_balanced(dump)
        self.assert_figures(dump["totals"], allocations=4, frees=1, live=3,
                            reallocs_in_place=1, reallocs_moved=1)
        # Born at the start: the shrunk block and its neighbour; born now: the moved one.
        young, old = dump["ages"][:2], dump["ages"][2]
        self.assert_figures(old, live=2, bytes=4000)
        self.assertEqual(sum(row["live"] for row in young), 1)
        self.assertEqual(sum(row["bytes"] for row in young), 40000)
