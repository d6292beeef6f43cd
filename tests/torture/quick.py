"""quick.py -- the torture suite's quick part: some minutes of real programs.

A part of `scons test`; `scons torture-quick` runs it alone, `scons torture` all.
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
