"""A file of JSON dumps, one a line, read in bounded memory.

A `Record` is one line of the file of which only the head was looked at: its
place, pid, sequence number. `Record.load()` parses it into a `Dump`. So a file
of any size can be searched, and at most one dump is in memory at a time.

The file may hold dumps of several processes, lines of the program's own
between them, and a last line that was cut short: such lines are left out and
`File.warnings` says so.
"""

import calendar
import gzip
import json
import os
import re
import shutil
import sys
import tempfile
import time
from functools import cached_property

from .cli import Progress, Trouble, one_line, say
from .units import plural

FORMAT = 1                       # the newest format known here
START = b'{"dmalloc":'
HEAD_BYTES = 1024                # the head's fields come first in a line
CHUNK_BYTES = 1 << 20
DUMP_MAX_BYTES = 1 << 30         # a longer line is no dump
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
    must(isinstance(data.get("callsites", {}), dict), '"callsites" is not an object')
    for entry in data["top"]:
        must(table(entry.get("frames", [])), '"frames" is not a list of frames')
        for name in ("ages", "age_bytes"):
            numbers = entry.get(name)
            must(numbers is None or isinstance(numbers, list) and all(map(whole, numbers))
                 and len(numbers) == len(data["ages"]), f'"{name}" is not a number for each age row')


class Record:
    """One dump's place in a File; its pid, seq and uptime without parsing it."""
    __slots__ = ("file", "offset", "length", "number", "ended", "pid", "seq", "uptime")

    PATTERN = re.compile(rb'"(pid|seq|uptime)":\s*(\d+(?:\.\d+)?)')

    def __init__(self, file, offset, length, number, ended, head):
        self.file = file
        self.offset = offset             # bytes from the start of the file
        self.length = length             # bytes
        self.number = number             # of the line, from 1
        self.ended = ended               # False: the newline is still missing
        # What the program's path says comes after these fields, so the first
        # of each name is the dump's own.
        found = {}
        for name, value in self.PATTERN.findall(head):
            found.setdefault(name, value)
        self.pid = int(float(found.get(b"pid", 0)))
        self.seq = int(float(found.get(b"seq", 0)))
        self.uptime = float(found.get(b"uptime", 0))

    def load(self):
        """The Dump, or None (with a warning) when the line is broken."""
        return self.file.parse(self)


class File:
    """A file of dumps. Iterating gives its Records from where it was left."""

    def __init__(self, path, progress=False):
        """Opens PATH ("-": stdin; gzip is unpacked). Raises Trouble."""
        self.path = path
        self.name = "stdin" if path == "-" else path
        self._stream = _open_seekable(path)
        self._progress = progress
        self._offset = 0
        self._number = 0
        self._foreign = 0                # lines that are no dumps
        self._first_foreign = b""
        self._newer = False
        self.found = 0
        self.warnings = []

    def __iter__(self):
        progress = Progress(self._size(), "dump") if self._progress else None
        try:
            while (record := self._next()) is not None:
                if progress:
                    progress.at(self._offset, self.found)
                if record:
                    yield record
        finally:
            if progress:
                progress.end()

    def _size(self):
        try:
            return os.fstat(self._stream.fileno()).st_size
        except (OSError, AttributeError):
            return 0

    def _next(self):
        """The next line's Record, False if it is no dump, None at the end."""
        self._stream.seek(self._offset)
        head = self._stream.readline(CHUNK_BYTES)
        if not head:
            return None
        length, last, is_dump = len(head), head, START in head[:HEAD_BYTES]
        while not last.endswith(b"\n"):
            last = self._stream.readline(CHUNK_BYTES)
            if not last:
                break
            length += len(last)
            if length > DUMP_MAX_BYTES and is_dump:
                raise Trouble(f"{self.name}: line {self._number + 1} is longer than "
                              f"{DUMP_MAX_BYTES >> 30} GiB: not a file of dumps")
        record = False
        self._number += 1
        if is_dump:
            self.found += 1
            record = Record(self, self._offset, length, self._number,
                            last.endswith(b"\n"), head[:HEAD_BYTES])
        elif head.strip():
            self._foreign += 1
            self._first_foreign = self._first_foreign or head[:80]
        self._offset += length
        return record

    def rewind(self):
        """Begins again at the first line."""
        self._offset = self._number = self._foreign = self.found = 0

    def unread(self, record):
        """Goes back, so that RECORD's line (still being written) is read again."""
        self._offset, self._number = record.offset, record.number - 1
        self.found -= 1

    def parse(self, record, quiet=False):
        """The Dump of RECORD, or None when its line is broken."""
        self._stream.seek(record.offset)
        line = self._stream.read(record.length)
        reason = "is cut short" if not line.endswith(b"\n") else "is broken"
        while (start := line.find(START)) >= 0:
            try:
                dump = Dump(json.loads(line[start:]))
            except RecursionError:
                reason = "is nested too deep"
            except json.JSONDecodeError:
                pass
            except (ValueError, UnicodeDecodeError) as error:
                reason = f"is not a whole dump: {error}"
            else:
                self._notice_version(dump)
                return dump
            line = line[start + len(START):]     # another may follow a cut one
        if not quiet:
            self.warn(f"line {record.number} {reason}; left out")
        return None

    def _notice_version(self, dump):
        if dump.version > FORMAT and not self._newer:
            self._newer = True
            self.warn(f"written by a newer dmalloc (format {dump.version}, "
                      f"known here: {FORMAT}); reading what is known")

    def warn(self, text):
        """Notes TEXT for `finish`."""
        if len(self.warnings) < 20:
            self.warnings.append(text)

    def finish(self):
        """Says the warnings; raises Trouble when no dump was found at all."""
        if not self.found:
            raise Trouble(f"{self.name}: {self._why_nothing()}")
        for text in self.warnings:
            say(f"{self.name}: {text}")
        if self._foreign:
            say(f"{self.name}: {plural(self._foreign, 'line')} between the dumps left out")

    def _why_nothing(self):
        if not self._number:
            return "is empty"
        if self._first_foreign.startswith((b">>>>>", b"dmalloc ")):
            return "a text dump; this needs JSON (DMALLOC_FORMAT=json)"
        return "no dmalloc dump in it"


def _open_seekable(path):
    """A seekable binary stream of PATH; what cannot seek goes to a temporary file."""
    if path != "-" and os.path.isdir(path):
        raise Trouble(f"{path}: is a directory")
    try:
        stream = sys.stdin.buffer if path == "-" else open(path, "rb")
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror.lower()}") from None
    if stream.seekable() and path != "-":
        if stream.read(2) != b"\x1f\x8b":
            return stream
        stream.seek(0)
        stream = gzip.open(stream)
    # Kept on disk, beside other temporary files, so that memory stays bounded.
    spool = tempfile.TemporaryFile()
    try:
        shutil.copyfileobj(stream, spool, CHUNK_BYTES)
    except (OSError, EOFError) as error:
        raise Trouble(f"{path}: {error}") from None
    return spool


class Runs:
    """Tells the runs of processes in one file apart.

    A run is one life of a process: the same pid, dumps counted upwards. A pid
    that starts anew (a container's pid 1, say) begins another run.
    """

    def __init__(self):
        self._last = {}                  # pid -> (seq, uptime, number of the run)
        self.count = 0

    def of(self, record):
        """The number of the run that RECORD belongs to, from 0."""
        seq, uptime, run = self._last.get(record.pid, (0, 0, -1))
        if run < 0 or record.uptime < uptime or record.seq < seq:
            run = self.count
            self.count += 1
        self._last[record.pid] = (record.seq, record.uptime, run)
        return run
