"""scripts/demo: how it ends where there is nothing to watch, or no time."""

import os
import signal
import subprocess

import harness

DEMO = harness.SCRIPTS / "demo"


class Demo(harness.Case):

    def test_help_and_bad_input(self):
        for word in ("--help", "-h"):
            status, stdout, stderr = harness.script("demo", word)
            self.assertEqual((status, stderr), (0, ""))
            self.assertTrue(stdout.startswith("usage: demo"), stdout)
        status, stdout, stderr = harness.script("demo", "10")
        self.assertEqual((status, stdout), (2, ""))
        self.assertRegex(stderr, r"\Ademo: [^\n]+\n\Z")

    def test_without_a_library(self):
        """As before a build: the reason, and the end."""
        env = harness.environment(preload=False) | {"DMALLOC_LIBRARY": "/nonexistent"}
        status, _, stderr = harness.script("demo", env=env)
        self.assertEqual(status, 2)
        lines = [line for line in stderr.splitlines() if line and not line.startswith("---")]
        self.assertEqual(lines, ["dmalloc-run: DMALLOC_LIBRARY: cannot read /nonexistent",
                                 "demo: the service ended with status 2"])

    def test_what_ends_it_ends_the_service(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with harness.process_group([DEMO], harness.environment(preload=False),
                                       stdout=subprocess.DEVNULL) as process:
                harness.wait_until(lambda: harness.children(process.pid, "python3"), "the service")
                (service,) = harness.children(process.pid, "python3")
                os.kill(process.pid, number)
                self.assertEqual(process.wait(60), 128 + number)
                self.assertFalse(os.path.exists(f"/proc/{service}"))
                self.assertNotIn(b"Traceback", process.stderr.read())
