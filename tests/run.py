#!/usr/bin/python3
"""run.py -- runs all tests, or those whose names are given.

    tests/run.py                    everything that is built
    tests/run.py text test_ages     the unit program text, the file test_ages.py

Unit programs are Check programs under build/tests/unit; the others are files
of Python's unittest, among them the quick part of the torture suite. Each runs
in a process of its own, two of them at a time, the longest one first. Ends
with the line `N passed, N failed` (`, N skipped`), and with status 1 when
something failed or nothing ran.
"""

import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNITS = ROOT / "build/tests/unit"
QUICK = ROOT / "tests/torture/quick.py"
PATIENCE = 1800                  # seconds for one test program


def find(names):
    """The test programs, chosen by NAMES when there are any."""
    # What is built, and still has a source: build/ forgets nothing.
    sources = sorted((ROOT / "tests/unit").glob("test_*.c"))
    programs = [QUICK]
    programs += [UNITS / path.stem for path in sources if (UNITS / path.stem).exists()]
    for folder in ("e2e", "tools"):
        programs += sorted((ROOT / "tests" / folder).glob("test_*.py"))
    if not names:
        return programs
    wanted = {pathlib.Path(name).stem.removeprefix("test_") for name in names}
    return [path for path in programs if path.stem.removeprefix("test_") in wanted]


def run(path):
    """Runs one test program: (path, counts, output, seconds)."""
    command = [str(path)]
    if path.suffix == ".py":
        command = ["/usr/bin/python3", __file__, "--file", str(path)]
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)        # its own session: nothing else is in it
        output = process.communicate()[0] + f"\nstopped after {PATIENCE} s\n"
    return path, count(process.returncode, output), output, time.monotonic() - start


def count(status, output):
    """(passed, failed, skipped) as the program's last summary says."""
    if check := re.findall(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)",
                           output, re.MULTILINE):
        checks, failures, errors = (sum(map(int, column)) for column in zip(*check))
        counts = checks - failures - errors, failures + errors, 0
    elif file := re.findall(r"^counted (\d+) (\d+) (\d+)$", output, re.MULTILINE):
        counts = tuple(map(int, file[-1]))
    else:
        return 0, 1, 0
    if status and not counts[1]:         # it ended badly after its summary
        return counts[0], 1, counts[2]
    return counts


def run_file(path):
    """Runs the tests of one file in this process and prints what it counted."""
    sys.path[:0] = [os.path.dirname(path), str(ROOT / "tests/e2e")]
    suite = unittest.defaultTestLoader.loadTestsFromName(pathlib.Path(path).stem)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    for test, reason in result.skipped:
        print(f"skipped {test.id()}: {reason}")
    print(f"counted {max(0, result.testsRun - failed - skipped)} {failed} {skipped}", flush=True)
    return 1 if failed else 0


def main():
    """Runs and adds up."""
    # Who starts this in the background of a shell ignores it, and all of ours would.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.argv[1:2] == ["--file"]:
        return run_file(sys.argv[2])
    programs = find(sys.argv[1:])
    if not programs:
        print("run.py: no such test:", *sys.argv[1:])
        return 1
    sums = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        started = [pool.submit(run, program) for program in programs]
        for ended in concurrent.futures.as_completed(started):
            path, counts, output, seconds = ended.result()
            sums = [a + b for a, b in zip(sums, counts)]
            verdict = "FAILED" if counts[1] else "ok"
            numbers = f"{counts[0]} passed, {counts[1]} failed, {counts[2]} skipped"
            print(f"{verdict:6} {path.parent.name}/{path.stem}: {numbers} ({seconds:.1f} s)",
                  flush=True)
            if counts[1]:
                print(output, flush=True)
            else:
                print(*re.findall(r"^(?:skipped|survived) .*\n", output, re.MULTILINE), sep="",
                      end="", flush=True)
    passed, failed, skipped = sums
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
