"""harness.py -- runs programs under the library and reads their dumps."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIBRARY = ROOT / "build/libdmalloc.so"
SMALL = ROOT / "build/tests/e2e"
SCRIPTS = ROOT / "scripts"
PATIENCE = 120                   # seconds that any program may take here

# What a test wants unless it says otherwise: every callsite, as JSON into a
# file, once, when the program ends.
SETTINGS = {"interval": 0, "at_exit": 1, "format": "json", "top": "all"}


def environment(preload=True, behind=(), **settings):
    """The environment to run a program in, with SETTINGS as DMALLOC_*.

    PRELOAD: whether, or another copy of the library. BEHIND: other libraries
    preloaded after ours, or without it.
    """
    env = {name: value for name, value in os.environ.items()
           if name != "LD_PRELOAD" and not name.startswith("DMALLOC_")}
    env["LC_ALL"] = "C"
    ours = LIBRARY if preload is True else preload
    libraries = [str(ours)] * bool(preload) + list(behind)
    if libraries:
        env["LD_PRELOAD"] = ":".join(libraries)
    if preload:
        env |= {f"DMALLOC_{name.upper()}": str(value) for name, value in settings.items()}
    return env


def small(name):
    """The path of a small program of this folder."""
    return str(SMALL / name)


def script(name, *arguments, env=None):
    """Runs a script and returns (status, stdout, stderr)."""
    env = env or environment(preload=False)
    done = subprocess.run([SCRIPTS / name, *map(str, arguments)], check=False, timeout=60,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)
    return done.returncode, done.stdout, done.stderr


class Run:
    """What a program did: status, stdout, stderr, and its dumps."""

    def __init__(self, command, dumps, completed):
        self.command = command
        self.dumps = dumps               # of all processes, in the files' order
        self.status = completed.returncode
        self.stdout = completed.stdout
        self.stderr = completed.stderr

    def dump(self, pid=None):
        """The last dump, of process PID when it is given."""
        found = [dump for dump in self.dumps if pid in (None, dump["pid"])]
        assert found, f"no dump from {self.command} (pid {pid}): {self.stderr!r}"
        return found[-1]


def run(command, preload=True, behind=(), stdin=None, cwd=None, env=(), **settings):
    """Runs COMMAND (a list) to its end and returns the Run.

    STDIN: bytes. ENV: more environment variables. The output of dmalloc goes
    into a file for each process unless the settings say otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="dmalloc-test-") as folder:
        settings = SETTINGS | {"output": f"{folder}/%p.jsonl"} | settings
        with process_group(command, environment(preload, behind, **settings) | dict(env),
                           cwd=cwd, stdin=subprocess.PIPE) as process:
            stdout, stderr = process.communicate(stdin or b"", timeout=PATIENCE)
            let_end(process.pid)
        completed = subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
        return Run(command, read_dumps(sorted(pathlib.Path(folder).glob("*.jsonl"))), completed)


def let_end(group):
    """Waits for what is left of a process group: nobody else awaits a shell's
    process substitution, and its last dump may still be under way."""
    deadline = time.monotonic() + 10
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.01)


def read_dumps(paths):
    """The dumps in the files PATHS. One that an exec or a SIGKILL cut short has no end, and
    what the process wrote next, as another program, follows in the same line."""
    lines = [line for path in paths for line in path.read_bytes().splitlines(keepends=True)]
    return [json.loads(b"".join(line.rpartition(b'{"dmalloc":')[1:]))
            for line in lines if line.endswith(b"\n")]


@contextlib.contextmanager
def process_group(command, env, **how):
    """A process in a session of its own; whatever happens, none of it stays."""
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
           "stderr": subprocess.PIPE} | how
    process = subprocess.Popen(command, env=env, start_new_session=True, **how)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


class Running:
    """A program that goes on while the test looks at it; stdout is a pipe."""

    def __init__(self, process, folder):
        self.process = process
        self.pid = process.pid
        self.folder = folder

    def line(self):
        """The next line that the program says."""
        return self.process.stdout.readline().decode().strip()

    def dumps(self):
        """All whole dumps so far, of all its processes."""
        lines = [line for path in sorted(self.folder.glob("*.jsonl"))
                 for line in path.read_bytes().splitlines(keepends=True)]
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def await_dumps(self, count):
        """The dumps, once there are COUNT."""
        wait_until(lambda: len(self.dumps()) >= count, f"{count} dumps")
        return self.dumps()

    def ask(self, number=signal.SIGUSR1):
        """The dump that a signal brings."""
        before = len(self.dumps())
        os.kill(self.pid, number)
        return self.await_dumps(before + 1)[-1]

    def status(self, field):
        """A field of its /proc/PID/status."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].strip()
        raise KeyError(field)

    def descriptors(self):
        """number -> what it is, of its open descriptors."""
        folder = pathlib.Path(f"/proc/{self.pid}/fd")
        found = {}
        for entry in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                found[int(entry.name)] = os.readlink(entry)
        return found


@contextlib.contextmanager
def running(command, preload=True, behind=(), stderr=None, env=(), user=None, **settings):
    """Starts COMMAND, as USER if it is given, and yields the Running; ends it."""
    with tempfile.TemporaryDirectory(prefix="dmalloc-test-") as folder:
        if user is not None:             # who may not enter our checkout
            os.chmod(folder, 0o777)
            preload = shutil.copy(LIBRARY, folder)
            command = [shutil.copy(command[0], folder), *command[1:]]
        defaults = SETTINGS | {"at_exit": 0, "interval": 1000, "output": f"{folder}/%p.jsonl"}
        with process_group(command,
                           environment(preload, behind, **(defaults | settings)) | dict(env),
                           stderr=stderr or subprocess.DEVNULL, user=user) as process:
            yield Running(process, pathlib.Path(folder))


def wait_until(condition, what, patience=60):
    """Waits until CONDITION() holds. No test is decided by how long it takes."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.02)


def children(pid, name):
    """The pids of process PID's children that run program NAME."""
    found = []
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{child}/comm").read_text() == name + "\n":
                found.append(int(child))
    return found


class Case(unittest.TestCase):
    """A test case that knows what a dump must fulfil."""

    maxDiff = None

    def run_small(self, *command, status=0, **how):
        """Runs a small program that must end with STATUS."""
        result = run([small(command[0]), *command[1:]], **how)
        self.assertEqual((result.status, result.stderr), (status, b""),
                         result.stdout.decode(errors="replace"))
        return result

    def assert_balanced(self, dump):
        """The figures of a quiet process's dump agree with each other."""
        totals = dump["totals"]
        live = {"live": totals["live"], "bytes": totals["live_bytes"]}
        self.assertEqual(totals["allocations"] - totals["frees"], totals["live"])
        for rows in ("ages", "sizes"):
            for key, value in live.items():
                self.assertEqual(sum(row[key] for row in dump[rows]), value, rows)
                self.assertTrue(all(row[key] >= 0 for row in dump[rows]), dump[rows])
        self.assertGreaterEqual(totals["peak_bytes"], totals["live_bytes"])
        self.assertGreaterEqual(totals["allocated_bytes"], totals["live_bytes"])
        other = dump["callsites"]
        self.assertLessEqual(other["used"], other["cap"])
        for key, value in live.items():  # the list is complete with DMALLOC_TOP=all
            self.assertEqual(sum(site[key] for site in dump["top"]) + other["other_" + key]
                             + other["suppressed_" + key], value)
        for site in dump["top"]:
            self.assertEqual(site["allocations"] - site["frees"], site["live"], site)
            self.assertTrue(site["frames"], site)
            for frame in site["frames"]:
                module = dump["modules"][frame["module"]]["path"] \
                    if frame.get("module") is not None else ""
                self.assertNotIn("libdmalloc", module)

    def site(self, dump, *symbols):
        """The one callsite whose stack has all SYMBOLS, in this order."""
        found = [site for site in dump["top"] if _in_order(symbols, names(site))]
        self.assertEqual(len(found), 1, f"{symbols} in {[names(site) for site in dump['top']]}")
        return found[0]

    def assert_figures(self, figures, **expected):
        """FIGURES, a dict, has the EXPECTED values."""
        self.assertEqual({name: figures[name] for name in expected}, expected)


def names(site):
    """The function names of a callsite's frames, leaf first."""
    return [frame.get("symbol") for frame in site["frames"]]


def _in_order(wanted, present):
    rest = iter(present)
    return all(name in rest for name in wanted)
