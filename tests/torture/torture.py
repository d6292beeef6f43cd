"""torture.py -- real programs at work, without the profiler and with it.

Each file test_NAME.py here is one program. It does real work that checks
itself, and the run under dmalloc, with a dump each second as JSON into a file,
must show the same output and the same exit status. At the end the books of
every process balance.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import harness

PATIENCE = 1500                  # seconds; these programs do much
LONG = bool(os.environ.get("TORTURE_LONG"))
NOBODY = 65534


def quick(test):
    """Marks a test for the part of this suite that `scons test` runs."""
    test.quick = True
    return test


def quick_tests(case, loader=unittest.defaultTestLoader):
    """The tests of class CASE that are marked as quick."""
    return [case(name) for name in loader.getTestCaseNames(case)
            if getattr(getattr(case, name), "quick", False)]


class Ran:
    """What COMMAND did."""

    def __init__(self, process, stdout, stderr, files, dumps):
        self.status = process.returncode
        self.stdout = stdout
        self.stderr = stderr
        self.files = files
        self.dumps = dumps

    def seen(self, views):
        """What must be the same. VIEWS: name -> a function that leaves out of
        that part what differs from run to run anyway."""
        parts = {"status": self.status, "stdout": self.stdout, "stderr": self.stderr}
        parts |= self.files
        return {name: views[name](part) if name in views else part
                for name, part in parts.items()}


def tally(output, pattern):
    """A view: the lines of OUTPUT that match PATTERN (a compiled one), sorted,
    each as the groups of the match."""
    found = (pattern.search(line) for line in output.decode(errors="replace").splitlines())
    return sorted(match.groups() for match in found if match)


def nothing(_):
    """A view for what is different each time."""
    return None


class Case(harness.Case):
    """One program; NEEDS are commands without which there is nothing to do."""

    needs = ()
    extra_path = "/usr/sbin:/sbin"

    def setUp(self):
        path = os.environ["PATH"] + ":" + self.extra_path
        for command in self.needs:
            if not shutil.which(command, path=path):
                self.skipTest(f"{command} is not installed (scripts/bootstrap --torture)")
        # The same names in both runs: outputs may contain them.
        self.place = pathlib.Path(tempfile.gettempdir(), f"dmalloc-torture-{os.getpid()}")
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.work = self.place / "work"
        self.dumps = self.place / "dumps"
        self.user = None

    def prepare(self):
        """An empty folder to work in, and none of the dumps of before."""
        shutil.rmtree(self.place, ignore_errors=True)
        for folder in (self.place, self.work, self.dumps):
            folder.mkdir()
            if self.user is not None:
                os.chown(folder, self.user, self.user)
            folder.chmod(0o755)
        return shutil.copy(harness.LIBRARY, self.place)

    def environment(self, library, preload, env, settings):
        """The environment of a run."""
        settings = {"interval": 1, "at_exit": 1, "format": "json", "top": "all",
                    "output": f"{self.dumps}/%p.jsonl"} | settings
        made = harness.environment(preload and library, **settings)
        made["PATH"] += ":" + self.extra_path
        return made | {"HOME": str(self.work), "TMPDIR": str(self.work)} | env

    def execute(self, command, preload, stdin=b"", files=(), env=(), **settings):
        """Runs COMMAND (a list, or a script for sh) to its end."""
        library = self.prepare()
        command = ["/bin/sh", "-c", command] if isinstance(command, str) else command
        how = {} if self.user is None else {"user": self.user, "group": self.user,
                                            "extra_groups": []}
        with harness.process_group(command,
                                   self.environment(library, preload, dict(env), settings),
                                   cwd=self.work, stdin=subprocess.PIPE, **how) as process:
            stdout, stderr = process.communicate(stdin, timeout=PATIENCE)
            harness.let_end(process.pid)
        made = {name: (self.work / name).read_bytes() for name in files}
        return Ran(process, stdout, stderr, made, self.read_dumps())

    @contextlib.contextmanager
    def serving(self, command, preload, env=(), **settings):
        """Starts the server COMMAND in a fresh folder; ends its group afterwards.

        Whatever a test puts into the folder before goes into before().
        """
        library = self.prepare()
        self.before()
        how = {} if self.user is None else {"user": self.user, "group": self.user,
                                            "extra_groups": []}
        with open(self.place / "said", "wb") as said, harness.process_group(
                command, self.environment(library, preload, dict(env), settings),
                cwd=self.work, stdout=said, stderr=said, **how) as process:
            yield process

    def before(self):
        """For tests with servers: makes their files."""

    def said(self):
        """What the server said on stdout and stderr."""
        return (self.place / "said").read_bytes()

    def read_dumps(self):
        """The last dumps of all processes. A slow machine makes one a second of
        some programs for minutes; all of them, read at once, would fill its memory."""
        found = []
        for path in sorted(self.dumps.glob("*.jsonl")):
            last = None
            with path.open("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):        # a killed process's last
                        break
                    # An exec in the middle of a dump: the next program goes on there.
                    line = line[max(0, line.rfind(b'{"dmalloc":1,')):]
                    self.assertTrue(line.startswith(b'{"dmalloc":1,') and line.endswith(b"}\n"),
                                    line[:200])
                    last = line
                    if b'"trigger":"exit"' in line[:200]:
                        found.append(json.loads(line))
                        last = None
            if last:
                found.append(json.loads(last))
        return found

    def compare(self, command, views=None, balanced=True, **how):
        """Runs COMMAND without and with the profiler; returns the latter Ran.

        VIEWS: see Ran.seen. BALANCED: check the books of every process's end.
        """
        plain = self.execute(command, False, **how)
        profiled = self.execute(command, True, **how)
        expected, seen = (ran.seen(views or {}) for ran in (plain, profiled))
        for part, what in expected.items():
            self.assertEqual(seen[part], what, part)
        self.assertTrue(profiled.dumps, "no process left a dump")
        if balanced:
            self.assert_all_balanced(profiled.dumps)
        return profiled

    def assert_all_balanced(self, dumps):
        """The last dumps of all processes agree with themselves."""
        last = [dump for dump in dumps if dump["trigger"] == "exit"]
        self.assertTrue(last, "no process ended with a dump")
        for dump in last:
            if len(dump["top"]) == dump["callsites"]["used"]:
                self.assert_balanced(dump)
            else:
                self.assert_sums(dump)

    def assert_sums(self, dump):
        """What holds also for a dump that does not list all callsites."""
        totals = dump["totals"]
        self.assertEqual(totals["allocations"] - totals["frees"], totals["live"])
        for rows in ("ages", "sizes"):
            self.assertEqual(sum(row["live"] for row in dump[rows]), totals["live"], rows)
            self.assertEqual(sum(row["bytes"] for row in dump[rows]), totals["live_bytes"], rows)
        self.assertEqual(dump["self"]["unwind_failed"], 0)

    def plainly(self, command, status=0, **how):
        """Runs a client COMMAND without the profiler: its stdout."""
        env = harness.environment(preload=False)
        env["PATH"] += ":" + self.extra_path
        done = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE,
                              env=env, **{"cwd": self.work} | how)
        self.assertEqual(done.returncode, status, (command, done.stdout, done.stderr))
        return done.stdout


def free_port():
    """A port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def answers(port):
    """Whether somebody listens on PORT."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def end(process, number=signal.SIGTERM):
    """Ends a server in its own way; its exit status."""
    process.send_signal(number)
    return process.wait(PATIENCE)
