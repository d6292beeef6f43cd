"""What the tests of the tools share: running scripts, input, what may be missing."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "scripts"
LIBRARY = ROOT / "build/libdmalloc.so"
sys.path.insert(0, str(SCRIPTS / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import make_dumps  # noqa: E402


def needs(command, package):
    """Skips a test on a machine without COMMAND (a program or a file)."""
    present = os.path.exists(command) if command.startswith("/") else shutil.which(command)
    return unittest.skipUnless(present, f"{command} is missing: apt install {package}")


def needs_library():
    """Skips a test that runs real programs while the library is not built."""
    return unittest.skipUnless(LIBRARY.exists(), "build/libdmalloc.so is not built")


class ToolTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dmalloc-tools-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def tool(self, name, *arguments, status=0, stdin=None, environment=None, **settings):
        """Runs scripts/dmalloc-NAME; its stdout, after checking its STATUS.

        What it said on stderr is in self.said.
        """
        done = subprocess.run(
            [str(SCRIPTS / f"dmalloc-{name}"), *map(str, arguments)], input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False,
            env=os.environ | (environment or {}), **settings)
        self.said = done.stderr.decode()
        self.assertEqual(done.returncode, status, self.said)
        self.assertNotIn("Traceback", self.said)
        return done.stdout.decode(errors="surrogateescape")

    def trouble(self, name, *arguments, **settings):
        """Runs a script that has to end with 2 and one line, which is returned."""
        self.tool(name, *arguments, status=2, **settings)
        self.assertEqual(self.said.count("\n"), 1, self.said)
        self.assertTrue(self.said.startswith(f"dmalloc-{name}: "), self.said)
        return self.said

    def dumps(self, name="heap.jsonl", **settings):
        """A file of made-up dumps (see make_dumps.history) and the dumps themselves."""
        history = list(make_dumps.history(**settings))
        make_dumps.write(self.folder / name, history)
        return self.folder / name, history

    def write(self, name, text):
        """A file of the test's folder."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def judged(self):
        """Dumps in which no listed callsite is growing, after what a view has to say of each."""
        *_, dump = make_dumps.history(dumps=60, top=40)
        for entry in dump["top"]:
            entry["verdict"] = "startup" if entry["verdict"] == "growing" else entry["verdict"]
        yield "No callsite is growing.", dump
        *_, old = sorted(dump["top"], key=lambda entry: entry["survived"][2])
        old["verdict"] = "too early"
        yield "1 too early to tell, no other is growing.", dump
        old["survived"][2] = 0               # none of its blocks has anything to tell
        yield "No callsite is growing.", dump
        for entry in dump["top"]:
            entry["verdict"] = "too early"
        yield "Too early to tell which are growing.", dump
        dump["callsites"]["growing"] = 2
        yield "2 callsites are growing, not listed here: dmalloc-dump --all 4242 lists all.", dump

    @staticmethod
    def line(dump):
        """DUMP as dmalloc writes it."""
        return json.dumps(dump, separators=(",", ":")) + "\n"
