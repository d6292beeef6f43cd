#!/usr/bin/python3
"""dmalloc-check: limits, filters, suppressions, JUnit, exit status."""

import unittest
import xml.etree.ElementTree as xml

from toolbox import ToolTest, make_dumps


class Check(ToolTest):
    def setUp(self):
        super().setUp()
        self.path, history = self.dumps(dumps=60, top=40)
        self.last = history[-1]

    def old_bytes(self, entry, row):
        return sum(entry["age_bytes"][row:])

    def test_bytes(self):
        over = [entry for entry in self.last["top"] if entry["bytes"] > 5 << 20]
        out = self.tool("check", self.path, "--max-bytes", "5MiB", status=1)
        self.assertEqual(out.count("\nLive: ") + out.startswith("Live: "), len(over))
        total, blocks = (sum(entry[name] for entry in over) for name in ("bytes", "live"))
        self.assertIn(f"{len(over)} callsites over the limit, {total:,} byte(s) in {blocks:,} block(s)", out)
        self.tool("check", self.path, "--max-bytes", "1GiB", status=0)

    def test_the_newest_dump_is_broken(self):
        """What the one before held is not what there is."""
        small = self.last | {"top": []}
        other = self.line(small | {"pid": 7})
        newer = self.line(self.last | {"seq": self.last["seq"] + 1})
        for text in (other + self.line(small) + newer[:-300],
                     other + self.line(small) + newer[:1500] + "\n" + other):
            path = self.write("cut", text)
            self.tool("check", path, "--max-bytes", 1, status=2)
            self.assertIn("the last dump of process 4242 is not whole", self.said)
            self.tool("check", path, "--max-bytes", 1, "--pid", 7)
        path = self.write("cut", other + newer[:50])
        self.tool("check", path, "--max-bytes", 1, "--pid", 7, status=2)
        self.assertIn("the last dump of some process is not whole", self.said)

    def test_count(self):
        most = max(entry["live"] for entry in self.last["top"])
        self.tool("check", self.path, "--max-count", most, status=0)
        self.tool("check", self.path, "--max-count", most - 1, status=1)

    def test_total(self):
        live = self.last["totals"]["live_bytes"]
        self.tool("check", self.path, "--max-total", live, status=0)
        self.assertIn("in all is over", self.tool("check", self.path, "--max-total", live - 1, status=1))

    def test_total_counts_what_is_not_listed(self):
        path = self.write("short", self.line(self.last | {"top": self.last["top"][:1]}))
        self.tool("check", path, "--max-total", self.last["totals"]["live_bytes"] - 1, status=1)
        self.assertIn("lists 1 of 40 callsites", self.said)

    def test_age(self):
        most = max(self.old_bytes(entry, 3) for entry in self.last["top"])
        self.tool("check", self.path, "--older-than", 100, "--max-bytes", most, status=0)
        self.tool("check", self.path, "--older-than", 100, "--max-bytes", most - 1, status=1)
        self.tool("check", self.path, "--older-than", 1000, status=0)
        self.tool("check", self.path, "--older-than", "1min", status=1)
        self.assertIn("counting blocks of 100 s and more", self.said)

    def test_verdict(self):
        out = self.tool("check", self.path, "--verdict", "growing", status=1)
        growing = [entry for entry in self.last["top"] if entry["verdict"] == "growing"]
        self.assertIn(f"{len(growing)} callsite", out)
        self.assertIn("#0 session_new+0x1d (myserver+0x411d)", out)
        self.tool("check", self.path, "--verdict", "too early", status=0)

    def test_suppressions(self):
        rules = "# known\nleak:session_new\nleak:^event_l*p\n\nleak:/srv/nothing\n"
        supp = self.write("x.supp", rules)
        out = self.tool("check", self.path, "--verdict", "growing", "--suppressions", supp, status=0)
        self.assertRegex(out, r"in [0-9,]+ blocks at \d+ callsites: session_new")
        self.tool("check", self.path, "--max-total", "1", "--suppressions",
                  self.write("all.supp", "leak:myserver\n"), status=0)
        bad = self.write("bad.supp", "leak:x\nrace:y\n")
        self.assertIn('line 2: "race:y" is not leak:PATTERN',
                      self.trouble("check", self.path, "--max-bytes", 1, "--suppressions", bad))
        for ties in ("^", "$", "^$"):    # they would suppress all there is
            bad = self.write("ties.supp", f"leak:{ties}\n")
            self.assertIn(f'line 1: "leak:{ties}" is not leak:PATTERN', self.trouble(
                "check", self.path, "--max-bytes", 1, "--suppressions", bad))

    def test_suppression_patterns(self):
        from dmalloc_tools.check import _compile
        for pattern, text, match in (("foo", "xfoox", True), ("^foo", "xfoo", False),
                                     ("^foo$", "foo", True), ("foo$", "foox", False),
                                     ("a*c", "xabbbcx", True), ("a*c", "cba", False),
                                     ("a.c", "abc", False), ("operator()", "x::operator()()", True)):
            self.assertEqual(bool(_compile(pattern).search(text)), match, pattern)

    def test_junit(self):
        out = self.folder / "junit.xml"
        self.tool("check", self.path, "--verdict", "growing", "--junit", out, status=1)
        root = xml.parse(out).getroot()
        suite = root.find("testsuite")
        failures = root.findall(".//failure")
        self.assertEqual(int(suite.get("failures")), len(failures))
        self.assertEqual(int(suite.get("tests")), len(root.findall(".//testcase")))
        self.assertIn("session_new", failures[0].text)
        self.tool("check", self.path, "--max-bytes", "1G", "--junit", out, status=0)
        self.assertEqual(xml.parse(out).findall(".//failure"), [])

    def test_program_and_pid(self):
        other = [dump | {"pid": 77, "program": "/usr/bin/other"}
                 for dump in make_dumps.history(dumps=2)]
        path = self.write("both", self.path.read_text() + "".join(map(self.line, other)))
        self.assertEqual(self.tool("check", path, "--max-bytes", "1G", "--quiet").count("SUMMARY"), 2)
        self.assertIn("pid 77", self.tool("check", path, "--max-bytes", "1G", "--program", "oth*"))
        self.assertIn("pid 77", self.tool("check", path, "--max-bytes", "1G", "--pid", 77))
        self.trouble("check", path, "--max-bytes", "1G", "--program", "none")


if __name__ == "__main__":
    unittest.main()
