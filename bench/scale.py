"""The scale tables: what an operation costs as a program grows.

Each line runs a program plain and under dmalloc, in turns, and takes what the
program itself says an operation cost: nanoseconds of CPU time of all threads,
for one malloc and one free, without filling up and start-up.
"""

import re
import tempfile

import columns
import compare
import measure
import tables

TABLES = ["time", "live", "callsites", "threads", "memory", "latency"]

SLOTS = str(measure.BUILD / "slots")
LATENCY = str(measure.BUILD / "latency")
PLAIN, DMALLOC = columns.COLUMNS[0], columns.COLUMNS[1]


def _run(column, words, more=()):
    """One run's Cost with its output."""
    with tempfile.TemporaryDirectory(prefix="dmalloc-bench-") as directory:
        return measure.run_once([str(word) for word in words],
                                [*column.settings(directory), *more], 600,
                                directory)


def _cpu_each(text):
    """The CPU nanoseconds of an operation in each `lap` line of a run."""
    return [float(value) for value in re.findall(
        r"^lap: .* ([0-9.]+) ns of CPU each$", text, re.MULTILINE)]


def _last_laps(words, runs):
    """The last lap's cost, plain and under dmalloc: a median for each.

    Each run's second half of laps is taken, so that neither the fresh slots
    nor what the profiler learns once is in the figure.
    """
    plain, ours = [], []
    for turn in range(runs):
        order = ((PLAIN, plain), (DMALLOC, ours))
        for column, values in order if turn % 2 == 0 else reversed(order):
            laps = _cpu_each(_run(column, words).text)
            values.append(measure.median(laps[len(laps) // 2:]))
    return plain, ours


def _line(label, words, runs):
    """A table line: plain, dmalloc, what is added in ns, and the ratio."""
    compare.progress(f"scale: {label}")
    try:
        plain, ours = _last_laps(words, runs)
    except measure.Failed as failure:
        return [label, str(failure), "", "", ""]
    added = measure.median([b - a for a, b in zip(plain, ours)])
    ratio = measure.median([b / a for a, b in zip(plain, ours)])
    return [label, f"{measure.median(plain):.1f}",
            f"{measure.median(ours):.1f}", f"{added:.1f}", f"{ratio:.2f}"]


def _table(title, what, lines):
    """One table of lines as _line makes them."""
    return f"### {title}\n\n" + tables.markdown(
        [what, "plain, ns", "dmalloc, ns", "added, ns", "ratio"], lines)


def over_time(runs, seconds, work):
    """The same program, looked at in eight parts of one long run."""
    del runs
    first = _cpu_each(_run(PLAIN, [SLOTS, "--ops", 2000000, "--laps", 4]).text)
    amount = max(8000000, int(seconds * work * 1e9 / 2 / first[-1]))
    compare.progress(f"scale: run time, {amount} operations")
    words = [SLOTS, "--ops", amount, "--laps", 8]
    plain, cost = _cpu_each(_run(PLAIN, words).text), _run(DMALLOC, words)
    ours = _cpu_each(cost.text)
    lines = [[f"{cost.wall * (i + 1) / 8:.1f} s", f"{a:.1f}", f"{b:.1f}",
              f"{b - a:.1f}", f"{b / a:.2f}"]
             for i, (a, b) in enumerate(zip(plain, ours))]
    return _table("Run time", "up to", lines)


def over_live(runs, seconds, work):
    """Live blocks of 16 to 64 bytes, 10^3 to 10^7."""
    del seconds
    lines = []
    for power in range(3, 8 if work == 1.0 else 7):
        blocks = 10 ** power
        lines.append(_line(f"{blocks:,}", [
            SLOTS, "--slots", blocks, "--largest", 64, "--laps", 8, "--ops",
            max(int(8000000 * work), 8 * blocks)], runs))
    return _table("Live blocks", "blocks", lines)


def over_callsites(runs, seconds, work):
    """Different call stacks, chosen at random for each malloc."""
    del seconds
    return _table("Callsites", "stacks", [
        _line(f"{stacks:,}", [SLOTS, "--stacks", stacks, "--laps", 8, "--ops",
                              int(16000000 * work)], runs)
        for stacks in (10, 100, 1000, 10000, 65536)])


def over_threads(runs, seconds, work):
    """Threads that share the same work and the same number of live blocks."""
    del seconds
    lines = []
    for threads in (1, 2, 4, 8, 16, 32, 64, 128):
        words = [SLOTS, "--threads", threads, "--slots", 100000,
                 "--ops", int(24000000 * work)]
        compare.progress(f"scale: {threads} threads")
        try:
            pairs = [(_run(PLAIN, words).cpu, _run(DMALLOC, words).cpu)
                     for _ in range(runs)]
        except measure.Failed as failure:
            lines.append([str(threads), str(failure), "", "", ""])
            continue
        each = 1e9 / int(24000000 * work)
        figures = ([a for a, _ in pairs], [b for _, b in pairs],
                   [b - a for a, b in pairs])
        ratio = measure.median([b / a for a, b in pairs])
        lines.append([str(threads), *(f"{measure.median(values) * each:.1f}"
                                      for values in figures), f"{ratio:.2f}"])
    return _table("Threads", "threads", lines)


def memory(runs, seconds, work):
    """What dmalloc adds to the peak: fixed, for a block, for a thread."""
    del seconds, work
    compare.progress("scale: memory")

    def added(words):
        return 1024 * measure.median(
            [_run(DMALLOC, words).peak - _run(PLAIN, words).peak
             for _ in range(runs)])

    def fill(blocks):
        return [SLOTS, "--slots", blocks, "--ops", 4 * blocks, "--smallest",
                40, "--largest", 40]

    fixed = added(["true"])
    few, many = added(fill(10000)), added(fill(2000000))
    alone = [LATENCY, "--milliseconds", 300, "--touch", 16, "--parked"]
    crowd = added([*alone, 127]) - added([*alone, 0])
    return "### Memory\n\n" + tables.markdown(
        ["what", "limit", "added"],
        [["fixed, `true`", "8 MiB", f"{fixed:.0f} KiB"],
         ["a live block of 40 bytes", "16 B and rounding",
          f"{(many - few) * 1024 / 1990000:.1f} B"],
         ["a further thread, asleep, 16 stacks", "256 KiB", f"{crowd / 127:.0f} KiB"]])


def latency(runs, seconds, work):
    """The time of single mallocs while dumps are made, and without."""
    del seconds
    lines = []
    wait = ["--milliseconds", int(4000 * work) + 500]
    big = ["--parked", 127, "--touch", 2000]
    quiet = ["DMALLOC_INTERVAL=0", "DMALLOC_TOP=10"]
    loud = ["DMALLOC_INTERVAL=60"]
    for label, column, words, settings in (
            ("plain", PLAIN, [], ()),
            ("plain, 127 threads asleep", PLAIN, big, ()),
            ("dmalloc, no dump", DMALLOC, [], quiet),
            ("dmalloc, 20 dumps", DMALLOC, ["--dumps", 20], loud),
            ("dmalloc, 128 ledgers, 65,536 stacks, no dump", DMALLOC, big,
             quiet),
            ("dmalloc, 128 ledgers, 65,536 stacks, 20 dumps", DMALLOC,
             [*big, "--dumps", 20], loud)):
        compare.progress(f"scale: latency, {label}")
        try:
            texts = [_run(column, [LATENCY, *wait, *words], settings).text
                     for _ in range(runs)]
        except measure.Failed as failure:
            lines.append([label, str(failure), "", "", ""])
            continue
        figures = zip(*([int(value) for value in re.findall(
            r"(?:median|%|worst) (\d+)", text)] for text in texts))
        lines.append([label] + [f"{measure.median(values):,.0f}"
                                for values in figures])
    return ("### One malloc's time in nanoseconds, the clock's own included\n\n"
            + tables.markdown(["", "median", "99 %", "99.999 %", "worst"],
                              lines))


def tables_for(names, runs, seconds, quick):
    """The chosen tables as markdown."""
    if DMALLOC.missing():
        raise SystemExit(f"bench/run: {measure.LIBRARY.name} is not built")
    make = dict(zip(TABLES, (over_time, over_live, over_callsites, over_threads,
                             memory, latency)))
    return "\n".join(make[name](runs, seconds, 0.1 if quick else 1.0)
                     for name in TABLES if name in names)
