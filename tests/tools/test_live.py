#!/usr/bin/python3
"""dmalloc-run --live: what ends the view, what ends the program, who gets the keys."""

import os
import re
import signal
import subprocess
import time
import unittest

from terminal import Terminal
from toolbox import SCRIPTS, ToolTest, needs_library

POLITE = "trap 'echo bye; exit 3' INT; trap 'echo term; exit 4' TERM; echo pid $$; " \
    "while :; do sleep 0.1; done"


@needs_library()
class Live(ToolTest):
    def live(self, program, before=""):
        """The view of `sh -c PROGRAM`; the shell words BEFORE feed it."""
        terminal = Terminal("/bin/sh", "-c", f'{before} exec "$@"', "sh", SCRIPTS / "dmalloc-run",
                            "--live", "--", "/bin/sh", "-c", program)
        self.assertTrue(terminal.wait_for("CALLSITE", 60), terminal.output)
        self.program = int(re.search(r"\w+ (\d+) on ", terminal.screen())[1])
        return terminal

    def assert_ended(self, pid):
        """Process PID is gone, or soon."""
        until = time.monotonic() + 60
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
            time.sleep(0.05)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def wait_for_output(self, terminal, text):
        """Reads until the program under TERMINAL has written TEXT."""
        until = time.monotonic() + 60
        while text not in terminal.output and time.monotonic() < until:
            terminal.read(0.1)
        self.assertIn(text, terminal.output)

    def test_the_interrupt_key_ends_the_program(self):
        terminal = self.live(POLITE)
        terminal.send("\x03")
        self.assertEqual(terminal.end(60), 3)
        self.assertEqual(terminal.output.count("bye"), 1)       # it came once
        self.assertIn(f"pid {self.program}", terminal.output)
        self.assertNotIn("runs on", terminal.output)
        self.assert_ended(self.program)

    def test_the_interrupt_key_ends_what_the_program_waits_for(self):
        terminal = self.live("echo begun; sleep 1000; exit 9")
        terminal.send("\x03")
        self.assertEqual(terminal.end(60), 128 + signal.SIGINT)
        self.assert_ended(self.program)

    def test_a_signal_ends_the_program(self):
        for number, status in ((signal.SIGTERM, 4), (signal.SIGINT, 3),
                               (signal.SIGHUP, 128 + signal.SIGHUP)):
            terminal = self.live(POLITE)
            os.kill(terminal.pid, number)
            self.assertEqual(terminal.end(60), status)
            self.assert_ended(self.program)

    def test_even_the_hardest(self):
        terminal = self.live(POLITE)
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.end(60)
        self.assert_ended(self.program)

    def test_quitting_leaves_the_view_alone(self):
        terminal = self.live(POLITE)
        terminal.send("q")
        self.wait_for_output(terminal, f"dmalloc-run: process {self.program} runs on")
        self.wait_for_output(terminal, f"pid {self.program}")
        os.kill(self.program, 0)
        terminal.send("\x03")
        self.assertEqual(terminal.end(60), 3)
        self.assertEqual(terminal.output.count("bye"), 1)

    def test_the_end_of_the_program_leaves_its_last_figures(self):
        terminal = self.live("echo over; sleep 1; exit 7")
        self.assertTrue(terminal.wait_for("is gone: these are its last figures", 60))
        terminal.send("q")
        self.assertEqual(terminal.end(60), 7)
        self.assertIn("over", terminal.output)

    def test_the_program_reads_what_is_piped_to_it(self):
        terminal = self.live("cat; exec sleep 1000", before="echo 'got it' |")
        terminal.send("q")
        self.wait_for_output(terminal, "got it")
        terminal.send("\x03")
        terminal.end(60)
        self.assert_ended(self.program)

    def test_a_program_that_ends_at_once(self):
        terminal = Terminal(SCRIPTS / "dmalloc-run", "--live", "/bin/sh", "-c", "echo hi; exit 5")
        self.assertEqual(terminal.end(60), 5)
        self.assertIn("hi", terminal.output)

    def test_without_a_terminal(self):
        done = subprocess.run([SCRIPTS / "dmalloc-run", "--live", "echo", "x"], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"\Admalloc-run: [^\n]+ terminal\n\Z")


if __name__ == "__main__":
    unittest.main()
