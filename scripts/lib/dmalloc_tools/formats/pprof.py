"""pprof's profile.proto, gzipped.

Sample types as in Go's heap profiles: alloc_objects, alloc_space,
inuse_objects, inuse_space (the default). A callsite with ages becomes one sample
for each age row that holds blocks, labelled with it, so that
`pprof -tagfocus=age=...` filters by age; what was ever allocated stands in its
first sample. The sums are the callsite's.
"""

import gzip

from .. import names
from ..weights import older
from .mappings import mappings
from .profile_message import profile_class

SAMPLE_TYPES = (("alloc_objects", "count"), ("alloc_space", "bytes"),
                ("inuse_objects", "count"), ("inuse_space", "bytes"))


def convert(dumps, options):
    """The profile of all DUMPS together; a label says the pid of each sample."""
    return gzip.compress(_Builder(options.older_than).build(dumps), mtime=0)


class _Table:
    """Numbers for things, from FIRST on, in the order of their coming."""

    def __init__(self, first):
        self.first = first
        self.numbers = {}

    def number(self, key):
        """(number of KEY, whether it is new)."""
        new = key not in self.numbers
        if new:
            self.numbers[key] = self.first + len(self.numbers)
        return self.numbers[key], new


class _Builder:
    def __init__(self, older_than):
        self.older_than = older_than
        self.profile = profile_class()()
        self.strings = _Table(0)
        self.functions = _Table(1)
        self.locations = _Table(1)
        self.mappings = {}
        self.string("")                  # the first one has to be empty

    def build(self, dumps):
        """The message for DUMPS, serialized."""
        profile = self.profile
        for kind, unit in SAMPLE_TYPES:
            profile.sample_type.add(type=self.string(kind), unit=self.string(unit))
        profile.default_sample_type = self.string("inuse_space")
        profile.period_type.type = self.string("space")
        profile.period_type.unit = self.string("bytes")
        profile.period = 1
        profile.time_nanos = int(max(dump.time for dump in dumps) * 1e9)
        profile.duration_nanos = int(max(dump.uptime for dump in dumps) * 1e9)
        profile.comment.extend(self.string(dump.summary()) for dump in dumps)
        for number, mapping in enumerate(self._program_first(dumps), 1):
            self.mappings[mapping.path, mapping.build_id] = profile.mapping.add(
                id=number, memory_start=mapping.start, memory_limit=mapping.limit,
                file_offset=mapping.file_offset, filename=self.string(mapping.path),
                build_id=self.string(mapping.build_id), has_functions=True)
        for dump in dumps:
            for callsite in dump.everything():
                self.add(dump, callsite)
        return profile.SerializeToString()

    @staticmethod
    def _program_first(dumps):
        """Readers take the first mapping for the program's."""
        program = dumps[0].program
        return sorted(mappings(dumps), key=lambda mapping: mapping.path != program)

    def add(self, dump, callsite):
        """The samples of CALLSITE."""
        stack = [self.location(frame) for frame in callsite.frames]
        ever = [callsite.data.get("allocations", callsite.live),
                callsite.data.get("allocated_bytes", callsite.bytes)]
        for row, live, size in _age_rows(dump, callsite, self.older_than):
            sample = self.profile.sample.add(location_id=stack, value=[*ever, live, size])
            sample.label.add(key=self.string("pid"), num=dump.pid)
            if row:
                last = "" if row["to"] is None else f"-{row['to']}"
                sample.label.add(key=self.string("age"),
                                 str=self.string(f"{row['from']}{last}s"))
            if callsite.verdict:
                sample.label.add(key=self.string("verdict"), str=self.string(callsite.verdict))
            ever = [0, 0]

    def string(self, text):
        """TEXT's place in the string table."""
        number, new = self.strings.number(text)
        if new:
            self.profile.string_table.append(text)
        return number

    def function(self, line, fallback):
        """The number of the function of LINE (a Frame or an inlined Line)."""
        name = line.symbol or fallback
        number, new = self.functions.number((name, line.file))
        if new:
            self.profile.function.add(
                id=number, name=self.string(names.demangle(name)),
                system_name=self.string(name), filename=self.string(line.file or ""))
        return number

    def location(self, frame):
        """The number of FRAME's location; inlined functions come before their callers."""
        number, new = self.locations.number((frame.path, frame.build_id, frame.ip))
        if not new:
            return number
        mapping = self.mappings.get((frame.path, frame.build_id or ""))
        made = self.profile.location.add(id=number, address=frame.pc,
                                         mapping_id=mapping.id if mapping else 0)
        for line in (*frame.inlined, frame):
            made.line.add(function_id=self.function(line, names.module_text(frame)),
                          line=line.line or 0)
        if mapping and frame.file:
            mapping.has_filenames = mapping.has_line_numbers = True
        if mapping and frame.inlined:
            mapping.has_inline_frames = True
        return number


def _age_rows(dump, callsite, older_than):
    """(age row or None, blocks, bytes) for each sample of CALLSITE; at least one."""
    if not callsite.ages or not callsite.age_bytes:
        return [(None, *older(callsite, older_than))]
    rows = [(row, live, size)
            for row, live, size in zip(dump.ages, callsite.ages, callsite.age_bytes)
            if (live or size) and row["from"] >= older_than]
    return rows or [(None, 0, 0)]
