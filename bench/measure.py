"""Run a program once and say what it cost; medians and ratios of such costs."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
BUILD = ROOT / "build" / "bench"
LIBRARY = ROOT / "build" / "libdmalloc.so"
ONCE = BUILD / "once"

# Settings of the caller's that would change what is measured.
UNWANTED = ("LD_PRELOAD", "MALLOC_CONF", "HEAPPROFILE", "PYTHONMALLOC")


class Failed(Exception):
    """A program that ended badly or took too long; the text is for a cell."""


@dataclasses.dataclass
class Cost:
    """What one run cost.

    wall and cpu (user and system) are seconds, peak is MiB of resident memory
    of the largest process, written is bytes given to write(2) or -1, kept is
    bytes in the files that were left, text is the standard output.
    """

    wall: float
    cpu: float
    peak: float
    written: int
    kept: int = 0
    text: str = ""


def environment():
    """The caller's environment without what would change the measurement."""
    return {name: value for name, value in os.environ.items()
            if name not in UNWANTED and not name.startswith("DMALLOC_")}


@contextlib.contextmanager
def library_kept(path):
    """Measure a copy of the library at PATH, which someone may build anew.

    Without such a file nothing is copied and dmalloc's columns say so.
    """
    global LIBRARY  # pylint: disable=global-statement
    with tempfile.TemporaryDirectory(prefix="dmalloc-bench-") as directory:
        LIBRARY = pathlib.Path(directory, "libdmalloc.so")
        if path.exists():
            shutil.copy(path, LIBRARY)
        yield


def end(process):
    """End a process of ours that is no longer wanted, and all that it started.

    It was started as the leader of a session of its own, and poll() has just
    said that it runs, so the group's number is still its own.
    """
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        pids = children.read_text(encoding="ascii").split()
    except OSError:
        pids = []
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pid in pids:  # what heaptrack removes when it ends by itself
        pathlib.Path(f"/tmp/heaptrack_fifo{pid}").unlink(missing_ok=True)


def bytes_in(directory):
    """The size of all files below a directory, in bytes."""
    return sum(path.stat().st_size
               for path in pathlib.Path(directory).rglob("*")
               if path.is_file())


def read_result(path):
    """The exit status and the Cost in the line that `once` wrote."""
    status, wall, user, system, peak, written = path.read_text(
        encoding="ascii").split()
    return int(status), Cost(float(wall), float(user) + float(system),
                             int(peak) / 1024, int(written))


def run_once(argv, settings=(), seconds=120.0, directory=None):
    """Run ARGV with SETTINGS (a list of NAME=VALUE) and return its Cost.

    It runs in DIRECTORY, where whatever it leaves is counted as kept, for at
    most SECONDS.  Raises Failed when it ends badly.
    """
    with tempfile.TemporaryDirectory(prefix="dmalloc-bench-") as temporary:
        result = pathlib.Path(temporary, "result")
        output = pathlib.Path(temporary, "output")
        errors = pathlib.Path(temporary, "errors")
        with output.open("wb") as out, errors.open("wb") as err:
            process = subprocess.Popen(
                [ONCE, result, *settings, *argv], stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, env=environment(), cwd=directory,
                start_new_session=True)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"over {seconds:.0f} s") from None
        finally:
            if process.poll() is None:
                end(process)
        if not result.exists():
            raise Failed("not started")
        status, cost = read_result(result)
        if status != 0:
            lines = errors.read_text(errors="replace").strip().splitlines()
            raise Failed(f"failed ({status}: {lines[-1][:60]})" if lines
                         else f"failed ({status})")
        cost.text = output.read_text(errors="replace")
    if directory is not None:
        cost.kept = bytes_in(directory)
    return cost


def median(values):
    """The median of a list that is not empty."""
    return statistics.median(values)


def spread(values):
    """The median absolute deviation from the median."""
    middle = median(values)
    return median([abs(value - middle) for value in values])
