#!/usr/bin/python3
"""dmalloc-top in a terminal of 80 columns and 24 lines, and without one."""

import os
import shutil
import subprocess
import sys
import time
import unittest

from terminal import Terminal
from toolbox import LIBRARY, SCRIPTS, ToolTest, make_dumps, needs_library

LEAK = """\
import time
keep = []
while True:
    keep.append(bytearray(5000)); time.sleep(.005)
"""


class Top(ToolTest):
    def top(self, *arguments, **settings):
        return Terminal(SCRIPTS / "dmalloc-top", *arguments, **settings)

    def test_a_file_in_80_by_24(self):
        path, history = self.dumps(dumps=60)
        terminal = self.top(path)
        self.assertTrue(terminal.wait_for("CALLSITE"), terminal.output)
        lines = terminal.screen().rstrip("\n").split("\n")
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertIn("myserver 4242 on web1, up 5 min 0 s, dump 60", lines[0])
        self.assertIn("39.9MiB live in 33,700 blocks", lines[1])
        for line, row in zip(lines[2:7], history[-1]["ages"]):
            self.assertIn(f"{row['live']:,} ", line)
        self.assertIn("1 callsite is growing. Look first at session_new: +1920.0KiB a minute", lines[7])
        self.assertIn("+1.9MiB", next(line for line in lines if " growing " in line and "<" in line))
        terminal.send("q")
        self.assertEqual(terminal.end(), 0)
        self.assertTrue(terminal.output.rstrip().endswith("\x1b[?1049l"), repr(terminal.output[-60:]))

    def test_what_to_look_at_first(self):
        """The first line, in the words of the text dump's heading."""
        for text, dump in self.judged():
            self.assertIn(f" {text}", self.tool("top", self.write("judged", self.line(dump))), text)

    def test_keys(self):
        path, history = self.dumps(dumps=60)
        terminal = self.top(path)
        self.assertTrue(terminal.wait_for("BYTESv"))
        for key, mark in (("c", "BLOCKSv"), ("o", "OLDv"), ("g", "GROWTH/MINv"), ("r", "GROWTH/MIN^"),
                          ("b", "BYTES^"), ("r", "BYTESv")):
            terminal.send(key)
            self.assertTrue(terminal.wait_for(mark), key)
        terminal.send("/accept_loop\r")
        self.assertTrue(terminal.wait_for("filter: accept_loop  (esc clears)"))
        self.assertNotIn("header_new", terminal.screen())
        terminal.send("\r")
        self.assertTrue(terminal.wait_for("accept_loop+0x88 (myserver+0x4408)"))
        terminal.send("\x1b")
        self.assertTrue(terminal.wait_for("header_new"))
        terminal.send("\x1b[D\x1b[D")
        self.assertTrue(terminal.wait_for("2 back"))
        self.assertIn("dump 58", terminal.screen())
        terminal.send("\x1b[F")
        self.assertTrue(terminal.wait_for("dump 60"))
        terminal.send(" ")
        self.assertTrue(terminal.wait_for("held"))
        terminal.send("\x03")
        self.assertEqual(terminal.end(), 0)

    def test_a_file_that_grows(self):
        first, second = make_dumps.history(dumps=2)
        path = self.write("grows", self.line(first))
        terminal = self.top(path)
        self.assertTrue(terminal.wait_for("dump 1"))
        text = self.line(second)
        with open(path, "a", encoding="utf-8") as file:
            file.write(text[:100])
            file.flush()
            terminal.read(2)
            file.write(text[100:])
        self.assertTrue(terminal.wait_for("dump 2"))
        terminal.send("q")
        self.assertEqual(terminal.end(), 0)

    def test_a_broken_last_line(self):
        """The dump before it, and then those that follow."""
        first, second, third, fourth = make_dumps.history(dumps=4)
        cut = self.line(third)[:700]
        path = self.write("broken", self.line(first) + self.line(second) + f"{cut}\n{cut}\n")
        self.assertIn("dump 2 ", self.tool("top", "--once", path))
        terminal = self.top(path)
        self.assertTrue(terminal.wait_for("dump 2 "))
        terminal.send("\x1b[D")
        self.assertTrue(terminal.wait_for("dump 1 "))
        terminal.send("\x1b[F")
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{cut}\n")
            file.flush()
            terminal.read(2)
            file.write(self.line(fourth))
        self.assertTrue(terminal.wait_for("dump 4 "))
        terminal.send("q")
        self.assertEqual(terminal.end(), 0)
        for text in (f"{cut}\n", f"{cut}\n{cut}\n", cut):
            self.assertIn("no whole dump in it", self.tool(
                "top", "--once", self.write("broken", text), status=2) + self.said)

    def test_small_and_large_terminals(self):
        path, _ = self.dumps(dumps=3, top=40)
        for columns, rows in ((40, 12), (20, 5), (200, 60)):
            terminal = self.top(path, columns=columns, rows=rows)
            self.assertTrue(terminal.wait_for(" mys"))
            terminal.read(0.3)
            lines = terminal.screen().rstrip("\n").split("\n")
            self.assertLessEqual(len(lines), rows)
            self.assertLessEqual(max(map(len, lines)), columns)
            terminal.send("q")
            self.assertEqual(terminal.end(), 0)

    def test_without_a_terminal(self):
        path, _ = self.dumps(dumps=60)
        out = self.tool("top", path)
        self.assertIn("session_new < accept_loop < main", out)
        self.assertNotIn("\x1b", out)
        self.assertNotIn("q quit", out)
        for columns, width in ((50, 50), (200, 200), ("", 120), ("x", 120)):
            out = self.tool("top", path, environment={"COLUMNS": str(columns)})
            self.assertTrue(all(len(line) <= width for line in out.splitlines()))
            self.assertTrue(out.split("\n", 1)[0].endswith(" UTC"))
            self.assertEqual(out.index("\n"), width - 1)

    def test_why_no_callsite_is_listed(self):
        _, (dump,) = self.dumps(dumps=1, top=0)
        for change, text in (
                ({}, "the dump lists none of 40 callsites (DMALLOC_TOP=0)"),
                ({"min_age": 10}, "the dump lists none of 40 callsites (DMALLOC_MIN_AGE=10)"),
                ({"callsites": {"unfreed": 0}}, "no callsite has live blocks"),
                ({"callsites": {"unfreed": 0, "suppressed": 26, "suppressed_live": 29,
                                "suppressed_bytes": 8704}},
                 "no callsite has live blocks but those suppressed: 29 blocks, 8.5KiB")):
            path = self.write("none", self.line(dump | change))
            self.assertIn(f"\n {text}\n", self.tool("top", path))

    def test_without_unicode(self):
        _, history = self.dumps(dumps=60)
        history[-1]["top"][0]["frames"][0]["symbol"] = "größe"
        path = self.write("names", "".join(map(self.line, history)))
        for environment in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
            out = self.tool("top", path, environment=environment)
            self.assertIn(" < 1000 sec        20,139    32.3MiB  " + 81 * "#" + "\n", out)
            self.assertIn(r"gr\xf6\xdfe < read_request_64", out)
        self.assertIn("größe < read_request_64", self.tool("top", path))

    @needs_library()
    def test_a_process_from_start_to_end(self):
        program = subprocess.Popen([sys.executable, "-c", LEAK], stderr=subprocess.DEVNULL,
                                   env=os.environ | {"LD_PRELOAD": str(LIBRARY), "DMALLOC_INTERVAL": "0",
                                                     "PYTHONMALLOC": "malloc"})
        self.addCleanup(lambda: (program.kill(), program.wait()))
        time.sleep(0.7)
        terminal = self.top(program.pid, "--every", "0.3")
        self.assertTrue(terminal.wait_for(f"{program.pid} on"), terminal.output[-500:])
        self.assertTrue(terminal.wait_for("/min"))
        program.kill()
        program.wait()
        self.assertTrue(terminal.wait_for(f"process {program.pid} is gone: these are its last figures"))
        terminal.send("q")
        self.assertEqual(terminal.end(), 0)

    @needs_library()
    def test_another_signal(self):
        for setting in ("RTMIN+5", "SIGUSR2", "44", "rtmin"):
            program = subprocess.Popen(["/usr/bin/sleep", "30"], stderr=subprocess.DEVNULL,
                                       env=os.environ | {"LD_PRELOAD": str(LIBRARY),
                                                         "DMALLOC_SIGNAL": setting})
            self.addCleanup(lambda program=program: (program.kill(), program.wait()))
            time.sleep(0.4)
            self.assertIn(f"sleep {program.pid}", self.tool("top", "--once", program.pid))

    @needs_library()
    def test_a_process_that_takes_no_requests(self):
        program = subprocess.Popen(["/usr/bin/sleep", "30"], stderr=subprocess.DEVNULL,
                                   env=os.environ | {"LD_PRELOAD": str(LIBRARY),
                                                     "DMALLOC_SIGNAL": "none"})
        self.addCleanup(lambda: (program.kill(), program.wait()))
        time.sleep(0.4)
        self.assertIn("takes no requests", self.trouble("top", "--once", program.pid))

    @needs_library()
    @unittest.skipUnless(os.geteuid() == 0, "only root can ask another user's process")
    def test_root_asks_another_users_process(self):
        os.chmod(self.folder, 0o755)     # nobody may not enter our checkout
        library = shutil.copy(LIBRARY, self.folder)
        program = subprocess.Popen(["/usr/bin/sleep", "30"], stderr=subprocess.DEVNULL, user="nobody",
                                   group="nogroup", extra_groups=[], cwd="/",
                                   env={"LD_PRELOAD": library})
        self.addCleanup(lambda: (program.kill(), program.wait()))
        time.sleep(0.4)
        self.assertIn(f"sleep {program.pid}", self.tool("top", "--once", program.pid))

    @needs_library()
    @unittest.skipUnless(os.geteuid() == 0, "only root may make a namespace here")
    def test_root_asks_a_process_in_a_container(self):
        outer = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "env",
                                  f"LD_PRELOAD={LIBRARY}", "sleep", "30"], stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (outer.kill(), outer.wait()))
        time.sleep(1)
        with open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="ascii") as children:
            inner = children.read().split()
        if not inner:
            self.skipTest("no pid namespace can be made here")
        self.assertIn("sleep 1 on", self.tool("top", "--once", inner[0]))


if __name__ == "__main__":
    unittest.main()
