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

    def test_what_a_short_list_may_have_had_is_not_compared(self):
        """Nor does it decide the status; what has more than an unlisted callsite can have, does."""
        whole, = make_dumps.history(dumps=1, interval=300, callsites=1100, top=1100)
        old = self.write("old", self.line(whole | {"top": whole["top"][:10]}))
        new = self.write("new", self.line(whole))
        for first, second, group, side in ((old, new, "new", "old"), (new, old, "gone", "new")):
            text = self.tool("diff", first, second, status=0)
            self.assertIn("No listed callsite differs.\n", text)
            self.assertRegex(text, rf"\nNot listed in the {side} dump \(10 of 1,100\), so not compared: "
                                   r"[0-9,]+ callsites, [0-9.]+MiB in [0-9,]+ allocations\n\Z")
            found = self.as_json(first, second, status=0)
            self.assertEqual(found[group], [])
            self.assertGreater(len(found[f"{group}_or_unlisted"]), 500)
        least = whole["top"][9]["bytes"]
        whole["top"][20] |= {"bytes": least + 1, "live": 7}
        whole["top"][21] |= {"bytes": least, "live": 7}
        new = self.write("grown", self.line(whole))
        for change, most in (({}, least), ({"sort": "count"}, None), ({"min_age": 10}, None)):
            dump = whole | {"top": whole["top"][:10]} | change
            rest = sum(entry["bytes"] for entry in whole["top"][10:]) - 1
            dump["totals"] = whole["totals"] | {"live_bytes": rest + sum(
                entry["bytes"] for entry in dump["top"])}
            self.write("old", self.line(dump))
            found = self.as_json(old, new, status=int(most is not None))
            self.assertEqual([row["bytes"] for row in found["new"]], [least + 1] if most else [])
        dump["totals"]["live_bytes"] -= rest - 100      # what is left of all for the others
        self.write("old", self.line(dump))
        sizes = [row["bytes"] for row in self.as_json(old, new)["new"]]
        self.assertGreater(len(sizes), 2)
        self.assertGreater(min(sizes), 100)
        self.assertIn("New, or not among the 10 of 1,100 that dump 1 lists: ",
                      self.tool("diff", old, new, status=1))
        self.assertIn("allocations (at most 100B -> ", self.tool("diff", old, new, status=1))

    def test_top_and_order(self):
        path, _ = self.dumps(top=40)
        text = self.tool("diff", "--top", 1, f"{path}:5", path, status=1)
        self.assertRegex(text, r"\d+ more, .* \(--top \d+\)")
        by_count = self.as_json("--sort", "count", f"{path}:5", path)
        counts = [row["live"] for row in by_count["grew"]]
        self.assertEqual(counts, sorted(counts, reverse=True))


if __name__ == "__main__":
    unittest.main()
