"""The start-up rows: milliseconds that short programs take longer."""

import shutil
import sys
import tempfile

import columns
import compare
import measure
import tables

PROGRAMS = [("true", ["true"], "0.3"),
            ("git --version", ["git", "--version"], "1.5"),
            ("python3 -c pass", [sys.executable, "-c", "pass"], "5")]

NAMES = ("dmalloc", "depth1", "heaptrack-preload", "jemalloc-prof")


def _milliseconds(words, column):
    """The time passed in one run under COLUMN."""
    with tempfile.TemporaryDirectory(prefix="dmalloc-bench-") as directory:
        return 1000 * measure.run_once(words, column.settings(directory), 30,
                                       directory).wall


def _added(words, chosen, repeats):
    """Plain's median, and by column name the median of what it adds, in ms."""
    plain, added, failed = [], {c.name: [] for c in chosen}, {}
    for _ in range(repeats):
        base = _milliseconds(words, columns.BASES["plain"])
        plain.append(base)
        for column in chosen:
            try:
                if column.name not in failed:
                    added[column.name].append(
                        _milliseconds(words, column) - base)
            except measure.Failed as failure:
                failed[column.name] = str(failure)
    texts = {name: failed.get(name) or f"{measure.median(values):+.2f}"
             for name, values in added.items()}
    return f"{measure.median(plain):.2f}", texts


def table(wanted, repeats):
    """The table as markdown; WANTED names the columns, REPEATS the runs."""
    chosen = [c for c in columns.COLUMNS
              if c.name in NAMES and c.name in wanted]
    there = [c for c in chosen if c.missing() is None]
    lines = []
    for title, words, goal in PROGRAMS:
        if shutil.which(words[0]) is None:
            lines.append([title, goal, "not installed"] + [""] * len(chosen))
            continue
        compare.progress(f"start-up: {title}, {repeats} times")
        plain, texts = _added(words, there, repeats)
        lines.append([f"`{title}`", goal, plain]
                     + [texts.get(c.name) or c.missing() for c in chosen])
    return (f"### Start-up: milliseconds added, medians of {repeats}\n\n"
            + tables.markdown(["program", "goal", "plain"]
                              + [c.title for c in chosen], lines))
