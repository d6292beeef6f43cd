"""quick.py -- the torture suite's quick part: some minutes of real programs.

`scons torture-quick` runs it, `scons torture` all. Not yet a part of `scons
test`: it takes as long as all the rest, and has not run often enough.
"""

import importlib
import inspect
import pathlib
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.append(str(FOLDER))

import torture  # noqa: E402 -- from that folder


def load_tests(*_):
    """The tests marked as quick, of all files there."""
    suite = unittest.TestSuite()
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for _, case in inspect.getmembers(module, inspect.isclass):
            if issubclass(case, torture.Case):
                suite.addTests(torture.quick_tests(case))
    return suite
