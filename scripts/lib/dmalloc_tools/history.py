"""A whole file of dumps, gathered for the report in bounded memory.

A `Run` is one life of a process. A `Lane` is what a reader sees as one thing
over time: runs of the same program that follow each other (restarts) are one
lane, runs side by side (workers) are lanes of their own.

However long the file: a run keeps at most 2 * SAMPLES points in time, a
callsite 2 * TREND points, a run 2 * SITES callsites (the largest stay).
"""

import os

from . import names
from .headline import headline

SAMPLES = 1000
TREND = 64
SITES = 10_000


class Thinned:
    """(index, value) pairs in order; when there are 2 * LIMIT, every other goes."""
    __slots__ = ("limit", "step", "points")

    def __init__(self, limit):
        self.limit = limit
        self.step = 1
        self.points = []

    def add(self, index, value):
        """Notes VALUE; the very last one is always kept."""
        points = self.points
        if len(points) > 1 and points[-1][0] % self.step:
            points.pop()                 # was kept only for being the last
        points.append((index, value))
        if len(points) >= 2 * self.limit:
            self.step *= 2
            last = points[-1]
            points[:] = [point for point in points if point[0] % self.step == 0]
            if points[-1] is not last:
                points.append(last)


class Site:
    """A callsite through a run: how its bytes went, and how it was seen last."""
    __slots__ = ("title", "stack", "trend", "peak", "last", "last_index")

    def __init__(self, callsite):
        self.title = names.title(callsite)
        self.stack = tuple(_cells(callsite))
        self.trend = Thinned(TREND)      # (number of the dump, bytes)
        self.peak = 0
        self.last = None                 # the dump's entry without its frames
        self.last_index = -1             # number of the dump that listed it last

    def add(self, index, callsite):
        """Takes in CALLSITE as dump number INDEX of the run has it."""
        self.trend.add(index, callsite.bytes)
        self.peak = max(self.peak, callsite.bytes)
        self.last = {name: value for name, value in callsite.data.items() if name != "frames"}
        self.last_index = index


def _cells(callsite):
    """(function, module, place) of each frame, leaf first, inlined ones too."""
    for frame in callsite.frames:
        module = os.path.basename(frame.path or "")
        for line in frame.inlined:
            yield names.demangle(line.symbol) or "??", module, names.place(line)
        yield names.function(frame), module, names.place(frame)


class Run:
    """One life of a process. `samples`: (number, Sample), `sites`: by key."""

    def __init__(self):
        self.samples = Thinned(SAMPLES)
        self.sites = {}
        self.count = 0                   # dumps
        self.dropped = 0                 # callsites forgotten, being small
        self.last = None                 # the last dump without its callsites
        self.asked = []                  # times of dumps on request and at exit
        self.start = self.end = 0.0      # seconds since 1970

    def add(self, dump):
        """Takes in the next dump of the run."""
        if not self.count:
            self.start = dump.time - dump.uptime
        self.end = dump.time
        self.samples.add(self.count, (
            dump.time, dump.seq, dump.totals["live"],
            [row["bytes"] for row in dump.ages], [row["live"] for row in dump.ages]))
        if dump.trigger not in ("timer", "") and len(self.asked) < SAMPLES:
            self.asked.append((dump.time, dump.trigger, dump.seq))
        for callsite in dump.callsites:
            key = names.exact_key(callsite)
            site = self.sites.get(key)
            if site is None:
                site = self.sites[key] = Site(callsite)
            site.add(self.count, callsite)
        self.last = dump.data | {"top": [], "modules": [], "listed": len(dump.callsites),
                                 "used": dump.callsites_used, "headline": headline(dump, depth=3)}
        self.count += 1
        if len(self.sites) > 2 * SITES:
            self._forget_small()

    def _forget_small(self):
        keep = sorted(self.sites.items(), key=lambda item: -item[1].peak)[:SITES]
        self.dropped += len(self.sites) - len(keep)
        self.sites = dict(keep)


class Lane:
    """Runs that follow each other. The last one is what is live now."""

    def __init__(self, runs):
        self.runs = runs
        self.last = runs[-1].last

    @property
    def live_bytes(self):
        """What the last dump says."""
        return self.last["totals"]["live_bytes"]

    def follows(self, run):
        """True when RUN may be the next life of this lane's program."""
        return self.runs[-1].end <= run.start + 1 and all(
            self.last.get(name) == run.last.get(name) for name in ("program", "host"))

    def take(self, run):
        """Makes RUN the lane's last one."""
        self.runs.append(run)
        self.last = run.last


def gather(numbered_dumps):
    """The Lanes of (run's number, Dump) pairs, the largest first."""
    runs = {}
    for number, dump in numbered_dumps:
        runs.setdefault(number, Run()).add(dump)
    lanes = []
    for run in sorted(runs.values(), key=lambda run: run.start):
        lane = next((lane for lane in lanes if lane.follows(run)), None)
        if lane:
            lane.take(run)
        else:
            lanes.append(Lane([run]))
    return sorted(lanes, key=lambda lane: -lane.live_bytes)
