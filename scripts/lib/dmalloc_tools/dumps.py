"""A file of JSON dumps, one a line, read in bounded memory.

A `Record` is one line of the file of which only the head was looked at: its
place, pid, sequence number. `Record.load()` parses it into a `Dump`. So a file
of any size can be searched, and at most one dump is in memory at a time.

The file may hold dumps of several processes, lines of the program's own
between them, and a last line that was cut short: such lines are left out and
`File.warnings` says so.
"""

import gzip
import io
import json
import os
import re
import tempfile
import zlib

from .cli import Progress, Trouble, naming, open_input, say
from .dump import Dump
from .units import plural

FORMAT = 1                       # the newest format known here
START = b'{"dmalloc":'
TEXT_DUMP = re.compile(rb">>>>> .* <<<<<|^dmalloc \S+: .*, pid \d+, ")
HEAD_BYTES = 1024                # the head's fields come first in a line
CHUNK_BYTES = 1 << 20
DUMP_MAX_BYTES = 1 << 30         # a longer line is no dump


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
        self._stream, self.cut = _open_seekable(path, self.name)
        self._progress = progress
        self._offset = 0
        self._number = 0
        self._foreign = 0                # lines that are no dumps
        self._text = False               # among them are those of a text dump
        self._newer = False
        self.found = 0
        self.warnings = []

    def __iter__(self):
        progress = Progress(size_of(self._stream), "dump") if self._progress else None
        try:
            while (record := self._next()) is not None:
                if progress:
                    progress.at(self._offset, self.found)
                if record:
                    yield record
        finally:
            if progress:
                progress.end()

    def _next(self):
        """The next line's Record, False if it is no dump, None at the end."""
        self._stream.seek(self._offset)
        head = self._stream.readline(CHUNK_BYTES)
        if not head:
            return None
        length, last = len(head), head
        # The last line may be cut short anywhere.
        is_dump = START in head[:HEAD_BYTES] or START.startswith(head)
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
            self._text = self._text or bool(TEXT_DUMP.search(head))
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
        if not quiet and (record.ended or not self.cut):     # that was said
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
        if self._text:
            return "a text dump; this needs JSON (DMALLOC_FORMAT=json)"
        return "no dmalloc dump in it"


class Unpacked(io.RawIOBase):
    """What is in the gzip STREAM. One that is broken ends there, with a line about NAME."""

    def __init__(self, stream, name):
        super().__init__()
        self._packed = gzip.GzipFile(fileobj=stream)
        self._name = name
        self.cut = False                 # it was broken

    def readable(self):
        return True

    def readinto(self, buffer):
        data = b""
        if not self.cut:
            try:
                data = self._packed.read1(len(buffer))
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                self.cut = True
                how = "cut short" if isinstance(error, EOFError) else "broken"
                say(f"{self._name}: its gzip data is {how}; reading what is before that")
        buffer[:len(data)] = data
        return len(data)


def open_unpacked(path, name):
    """A buffered binary stream of PATH ("-": stdin), called NAME, gzip unpacked."""
    stream = open_input(path)
    with naming(name):
        packed = stream.peek(2)[:2] == b"\x1f\x8b"
    return io.BufferedReader(Unpacked(stream, name), CHUNK_BYTES) if packed else stream


def size_of(stream):
    """How many bytes STREAM has; 0 when that is not known."""
    try:
        return os.fstat(stream.fileno()).st_size
    except OSError:
        return 0


def _open_seekable(path, name):
    """(seekable stream of PATH, whether its gzip data is cut short). What cannot seek goes
    to a temporary file."""
    stream = open_unpacked(path, name)
    packed = isinstance(stream.raw, Unpacked)
    if path != "-" and not packed and stream.seekable():
        return stream, False
    # Kept on disk, beside other temporary files, so that memory stays bounded.
    spool, chunk = tempfile.TemporaryFile(), True
    while chunk:
        with naming(name):
            chunk = stream.read(CHUNK_BYTES)
        with naming(f"a copy of {name} in {tempfile.gettempdir()}"):
            spool.write(chunk)
            spool.flush()
    return spool, packed and stream.raw.cut


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
