"""One dump as objects: its figures, callsites, frames.

Made from the parsed JSON of one line. What an older or a smaller dump lacks is
None or empty; keys that are not known here stay in `data`.
"""

import calendar
import os
import re
import time
from functools import cached_property

from .cli import one_line

NOT_LISTED = "(callsites not listed)"
OLD_SECONDS = 100                # what counts as old everywhere
VERDICTS = ("growing", "steady", "startup", "churn", "too early")


def _name(data, key):
    """The text DATA[KEY], fit for a terminal, or None."""
    text = data.get(key)
    return one_line(text) if text else None


class Line:
    """A place in a source: function, file, line number (0: unknown)."""
    __slots__ = ("symbol", "file", "line")

    def __init__(self, data):
        self.symbol = _name(data, "symbol")
        self.file = _name(data, "file")
        self.line = data.get("line", 0)


class Frame(Line):
    """A return address. `offset` is its address in the file `path`.

    `pc` is the address of the instruction itself: for a return address that is
    the call before it, for a frame that a signal interrupted the very address.
    `inlined` holds the functions inlined there, innermost first, when
    dmalloc-symbolize was here.
    """
    __slots__ = ("ip", "pc", "offset", "symbol_offset", "path", "build_id", "inlined")

    def __init__(self, data, modules):
        super().__init__(data)
        self.ip = _address(data.get("ip"))
        self.pc = max(0, self.ip - (not data.get("interrupted")))
        self.offset = _address(data.get("offset"), self.ip)
        self.symbol_offset = data.get("symbol_offset")
        number = data.get("module")
        known = isinstance(number, int) and 0 <= number < len(modules)
        module = modules[number] if known else {}
        self.path = _name(module, "path")
        self.build_id = _name(module, "build_id")
        self.inlined = [Line(line) for line in data.get("inlined", ())]


def _address(value, default=0):
    """An address given as "0x..." or as a number."""
    return int(value, 16) if isinstance(value, str) else default if value is None else value


class Callsite:
    """One entry of a dump's list. Sizes in bytes, counts in blocks; either may
    be below zero for a moment (docs/FORMAT.md)."""

    def __init__(self, data, dump):
        self.data = data
        self.dump = dump
        self.live = data["live"]
        self.bytes = data["bytes"]
        self.ages = data.get("ages")             # blocks for each age row
        self.age_bytes = data.get("age_bytes")
        self.survived = data.get("survived")
        self.verdict = _name(data, "verdict") or ""
        self.reason = _name(data, "reason") or ""
        self.growth = data.get("growth_per_minute")    # bytes a minute

    @property
    def frames(self):
        """The Frames, leaf first."""
        return [self.dump.frame(frame) for frame in self.data.get("frames", ())]

    def older(self, seconds):
        """(blocks, bytes) surely at least SECONDS old; None if not known."""
        if not seconds:
            return self.live, self.bytes
        if not self.ages or not self.age_bytes:
            return None
        rows = [i for i, row in enumerate(self.dump.ages) if row["from"] >= seconds]
        return sum(self.ages[i] for i in rows), sum(self.age_bytes[i] for i in rows)


class Dump:
    """One dump. Times in seconds, sizes in bytes, counts in blocks."""

    def __init__(self, data):
        """DATA is the parsed line; ValueError says what is wrong with it."""
        _check(data)
        self.data = data
        self.version = data["dmalloc"]
        self.pid = data["pid"]
        self.seq = data.get("seq", 0)
        self.trigger = data.get("trigger", "")
        self.program = _name(data, "program") or "?"
        self.name = os.path.basename(self.program) or "?"
        self.host = _name(data, "host") or ""
        self.uptime = data.get("uptime", 0)
        self.totals = data["totals"]
        self.ages = data["ages"]
        self.sizes = data.get("sizes", [])
        self.modules = data.get("modules", [])
        known = data.get("callsites", {})
        self.callsites_used = known.get("unfreed", known.get("used", len(data["top"])))
        self.self = data.get("self", {})
        self._frames = {}

    @cached_property
    def time(self):
        """When it was made, in seconds since 1970; 0 when the dump has none."""
        text = str(self.data.get("time", ""))
        match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?", text)
        if not match:
            return 0.0
        whole = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
        return whole + float(match[2] or 0)

    @cached_property
    def callsites(self):
        """The Callsites that the dump lists."""
        return [Callsite(entry, self) for entry in self.data["top"]]

    @property
    def listed_bytes(self):
        """Bytes in the listed callsites; the rest has no stack here."""
        return sum(entry["bytes"] for entry in self.data["top"])

    def everything(self):
        """The callsites, and one that stands for all that the dump does not
        list: with it the sums are the process's."""
        rest = self._rest()
        return self.callsites + ([rest] if rest.bytes or rest.live else [])

    def _rest(self):
        top = self.data["top"]

        def left(total, name):
            return max(0, total - sum(entry.get(name) or 0 for entry in top))

        data = {"live": left(self.totals["live"], "live"),
                "bytes": left(self.totals["live_bytes"], "bytes"),
                "allocations": left(self.totals.get("allocations", 0), "allocations"),
                "allocated_bytes": left(self.totals.get("allocated_bytes", 0), "allocated_bytes"),
                "frames": [{"symbol": NOT_LISTED}]}
        if all(entry.get("ages") and entry.get("age_bytes") for entry in top):
            for name, unit in (("ages", "live"), ("age_bytes", "bytes")):
                data[name] = [max(0, row[unit] - sum(entry[name][i] for entry in top))
                              for i, row in enumerate(self.ages)]
        return Callsite(data, self)

    def frame(self, data):
        """The Frame of DATA; those of equal address are one object."""
        key = (data.get("module"), data.get("ip"), data.get("offset"))
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = Frame(data, self.modules)
        return frame

    def summary(self):
        """myserver pid 4242, dump 250, 2026-11-23 01:41:37 UTC."""
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.time))
        return f"{self.name} pid {self.pid}, dump {self.seq}, {when}"


def _check(data):
    """Raises ValueError unless DATA has what every dump has, in its shape."""
    def must(good, what):
        if not good:
            raise ValueError(what)

    def whole(value):
        return isinstance(value, int) and not isinstance(value, bool)

    def table(rows, *names):
        return isinstance(rows, list) and all(
            isinstance(row, dict) and all(whole(row.get(name)) for name in names)
            for row in rows)

    must(isinstance(data, dict) and whole(data.get("dmalloc")), "not a dump")
    must(whole(data.get("pid")), 'no "pid"')
    must(isinstance(data.get("totals"), dict)
         and whole(data["totals"].get("live")) and whole(data["totals"].get("live_bytes")),
         'no "totals"')
    must(table(data.get("ages"), "from", "live", "bytes")
         and all("to" in row for row in data["ages"]), 'no "ages"')
    must(table(data.setdefault("top", []), "live", "bytes"), '"top" is not a list of callsites')
    must(table(data.get("modules", [])), '"modules" is not a list of modules')
    must(table(data.get("sizes", []), "from", "live", "bytes"), '"sizes" is not a list of rows')
    known = data.get("callsites", {})
    must(isinstance(known, dict) and whole(known.get("growing", 0)),
         '"callsites" is not an object of numbers')
    for entry in data["top"]:
        must(table(entry.get("frames", [])), '"frames" is not a list of frames')
        must(isinstance(entry.get("survived") or [], list), '"survived" is not a list')
        for name in ("ages", "age_bytes"):
            numbers = entry.get(name)
            must(numbers is None or isinstance(numbers, list) and all(map(whole, numbers))
                 and len(numbers) == len(data["ages"]), f'"{name}" is not a number for each age row')
