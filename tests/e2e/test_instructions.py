"""What a malloc and a free cost, in instructions, against the committed baseline."""

import os
import subprocess

import harness


class Instructions(harness.Case):

    def test_no_figure_is_over_its_baseline(self):
        if os.environ.get("CC", "gcc") != "gcc":
            self.skipTest("the baseline is of gcc")
        done = subprocess.run([harness.ROOT / "bench/counts"], capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for reason in ("not installed", "not compared"):
            if reason in done.stdout:
                self.skipTest(done.stdout.splitlines()[-1])
        self.assertIn("baseline", done.stdout)
