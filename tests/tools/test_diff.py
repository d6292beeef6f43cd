#!/usr/bin/python3
"""dmalloc-diff: matching across restarts and rebuilds, groups, exit status."""

import json
import unittest

from toolbox import ToolTest, make_dumps


def shifted(dump, by):
    """DUMP as if its process had been loaded BY bytes higher: another ASLR draw."""
    for entry in dump["top"]:
        for frame in entry["frames"]:
            frame["ip"] = hex(int(frame["ip"], 16) + by)
    for module in dump["modules"]:
        module["base"] = hex(int(module["base"], 16) + by)
    return dump


def rebuilt(dump):
    """DUMP as if the program had been built anew: other offsets, another build id."""
    dump["modules"][0]["build_id"] = "00" * 20
    for entry in dump["top"]:
        for frame in entry["frames"]:
            if frame["module"] == 0 and "symbol" in frame:
                frame["offset"] = hex(int(frame["offset"], 16) + 0x1230)
    return dump


class Diff(ToolTest):
    def as_json(self, *arguments, status=1):
        return json.loads(self.tool("diff", "--json", *arguments, status=status))

    def test_equal(self):
        path, _ = self.dumps()
        self.assertIn("No listed callsite differs", self.tool("diff", path, path, status=0))

    def test_figures(self):
        path, history = self.dumps(top=40)
        found = self.as_json(f"{path}:5", path)
        before = {entry["id"]: entry for entry in history[4]["top"]}
        after = {entry["id"]: entry for entry in history[-1]["top"]}
        wanted = sorted((after[i]["bytes"] - before[i]["bytes"], after[i]["live"] - before[i]["live"])
                        for i in after if i in before
                        and (after[i]["bytes"], after[i]["live"]) != (before[i]["bytes"], before[i]["live"]))
        self.assertEqual(sorted((row["bytes"], row["live"]) for group in ("grew", "shrank")
                                for row in found[group]), wanted)
        sizes = [row["bytes"] for row in found["grew"]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertIn("session_new+0x1d (myserver+0x411d)", found["grew"][0]["frames"])

    def test_matched_across_restarts(self):
        old, _ = self.dumps("old", top=40)
        again = [shifted(dump, 0x7000) | {"pid": 99} for dump in make_dumps.history(top=40)]
        new = self.write("new", self.line(again[-1]))
        self.assertIn("No listed callsite differs", self.tool("diff", old, new, status=0))

    def test_matched_across_a_rebuild(self):
        old, _ = self.dumps("old", top=40)
        *_, last = make_dumps.history(top=40)
        last = rebuilt(last)
        for entry in last["top"]:            # nameless frames cannot be found again
            entry["frames"] = [frame for frame in entry["frames"] if "symbol" in frame]
        new = self.write("new", self.line(last))
        *_, plain = make_dumps.history(top=40)
        for entry in plain["top"]:
            entry["frames"] = [frame for frame in entry["frames"] if "symbol" in frame]
        before = self.write("before", self.line(plain))
        self.assertIn("No listed callsite differs", self.tool("diff", before, new, status=0))
        self.assertTrue(old.exists())

    def test_new_and_gone(self):
        _, (dump,) = self.dumps(dumps=1, callsites=6, top=6)
        old = self.write("old", self.line(dump | {"top": dump["top"][:4]}
                                          | {"callsites": {"used": 4}}))
        new = self.write("new", self.line(dump | {"top": dump["top"][2:]}
                                          | {"callsites": {"used": 4}}))
        found = self.as_json(old, new)
        self.assertEqual((len(found["new"]), len(found["gone"])), (2, 2))
        self.assertEqual((found["grew"], found["shrank"]), ([], []))
        text = self.tool("diff", old, new, status=1)
        self.assertIn("New: 2 callsites", text)
        self.assertIn("Gone: 2 callsites", text)

    def test_a_short_list_is_named_so(self):
        path, _ = self.dumps(dumps=60, callsites=40, top=5)
        text = self.tool("diff", f"{path}:1", path, status=1)
        self.assertIn("New, or not among the 5 of 40 that dump 1 lists", text)

    def test_top_and_order(self):
        path, _ = self.dumps(top=40)
        text = self.tool("diff", "--top", 1, f"{path}:5", path, status=1)
        self.assertRegex(text, r"\d+ more, .* \(--top \d+\)")
        by_count = self.as_json("--sort", "count", f"{path}:5", path)
        counts = [row["live"] for row in by_count["grew"]]
        self.assertEqual(counts, sorted(counts, reverse=True))


if __name__ == "__main__":
    unittest.main()
