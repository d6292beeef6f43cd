#!/usr/bin/python3
"""run.py -- runs the torture suite, or those of its programs that are named.

    tests/torture/run.py              every program
    tests/torture/run.py nginx git    these
    tests/torture/run.py --long       with the runs that take hours

Reports as tests/run.py does.
"""

import importlib.util
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


def load_runner():
    """tests/run.py, set up for this folder."""
    spec = importlib.util.spec_from_file_location("all_tests", HERE.parent / "run.py")
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    runner.PATIENCE = 3600
    return runner


def find(names):
    """The files of the programs NAMES, or all."""
    files = sorted(HERE.glob("test_*.py"))
    return [file for file in files
            if not names or file.stem.removeprefix("test_") in names]


def main():
    """Runs and adds up."""
    runner = load_runner()
    names = sys.argv[1:]
    if "--long" in names:
        names.remove("--long")
        os.environ["TORTURE_LONG"] = "1"
        runner.PATIENCE = 12 * 3600
    runner.find = lambda _: find(names)
    sys.argv[1:] = names
    return runner.main()


if __name__ == "__main__":
    sys.exit(main())
