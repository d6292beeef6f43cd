"""The unit tests of the core under the sanitizers."""

import re
import shutil
import subprocess
import tempfile

import harness
import torture


class Sanitizers(harness.Case):

    def units(self, name):
        """Builds and runs them with sanitizer NAME, beside the usual build."""
        with tempfile.TemporaryDirectory() as folder:
            tree = shutil.copytree(harness.ROOT, f"{folder}/tree", symlinks=True,
                                   ignore=shutil.ignore_patterns("build", ".git", ".scons*",
                                                                 "node_modules", "__pycache__"))
            done = subprocess.run(["scons", "-Q", "-k", "units", f"SANITIZE={name}"], cwd=tree,
                                  check=False, capture_output=True, text=True,
                                  env=harness.environment(preload=False),
                                  timeout=torture.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr)
        checks = re.findall(r"^\d+%: Checks: (\d+), Failures: 0, Errors: 0$", done.stdout,
                            re.MULTILINE)
        self.assertGreater(len(checks), 20)
        self.assertGreater(sum(map(int, checks)), 100)

    def test_threads(self):
        self.units("thread")

    def test_undefined_behaviour(self):
        self.units("undefined")

    def test_addresses(self):
        self.units("address")
