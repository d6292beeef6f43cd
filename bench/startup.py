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
            ("python3 -c pass", [sys.executable, "-c", "pass"], "5"),
            # Two programs, one of which has functions with thousands of rows of
            # unwind information.
            ("gcc -fsyntax-only -x c /dev/null",
             ["gcc", "-fsyntax-only", "-x", "c", "/dev/null"], "")]

NAMES = ("dmalloc", "depth1", "heaptrack-preload", "jemalloc-prof")


FIELDS = (("cpu", "user and system time"), ("wall", "time passed"))


def _cost(words, column):
    """What one run under COLUMN cost."""
    with tempfile.TemporaryDirectory(prefix="dmalloc-bench-") as directory:
        return measure.run_once(words, column.settings(directory), 30,
                                directory)


def _rounds(words, chosen, repeats):
    """The costs of REPEATS runs by column name, and why some have none.

    One round runs plain and then the columns, every second round in the other
    order, so whatever the machine does besides meets all of them alike.  The
    first round only warms the caches.
    """
    order = [columns.BASES["plain"]] + chosen
    costs, failed = {column.name: [] for column in order}, {}
    for number in range(repeats + 1):
        for column in reversed(order) if number % 2 else order:
            try:
                if column.name not in failed:
                    costs[column.name].append(_cost(words, column))
            except measure.Failed as failure:
                failed[column.name] = str(failure)
    return {name: runs[1:] for name, runs in costs.items()}, failed


def _texts(costs, failed, field):
    """Plain's median in ms, and by column name what it adds, with its spread."""
    if "plain" in failed:
        return {"plain": failed["plain"]}
    plain = [1000 * getattr(cost, field) for cost in costs["plain"]]
    texts = dict(failed, plain=f"{measure.median(plain):.2f}")
    for name, runs in costs.items():
        if name != "plain" and name not in failed:
            added = [1000 * getattr(cost, field) - base
                     for cost, base in zip(runs, plain)]
            texts[name] = (f"{measure.median(added):+.2f} "
                           f"±{measure.spread(added):.2f}")
    return texts


def table(wanted, repeats):
    """The tables as markdown; WANTED names the columns, REPEATS the rounds."""
    chosen = [c for c in columns.COLUMNS
              if c.name in NAMES and c.name in wanted]
    there = [c for c in chosen if c.missing() is None]
    results = []
    for title, words, goal in PROGRAMS:
        if shutil.which(words[0]) is None:
            results.append((title, goal, {}, {"plain": "not installed"}))
            continue
        compare.progress(f"start-up: {title}, {repeats} times")
        results.append((title, goal, *_rounds(words, there, repeats)))
    parts = []
    for field, what in FIELDS:
        lines = []
        for title, goal, costs, failed in results:
            texts = _texts(costs, failed, field) if costs else failed
            lines.append([f"`{title}`", goal, texts["plain"]]
                         + [texts.get(c.name) or c.missing() or ""
                            for c in chosen])
        parts.append(f"### Start-up: milliseconds added, {what}, medians of "
                     f"{repeats}\n\n"
                     + tables.markdown(["program", "goal", "plain"]
                                       + [c.title for c in chosen], lines))
    return "\n".join(parts)
