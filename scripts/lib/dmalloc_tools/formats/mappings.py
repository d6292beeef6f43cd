"""The modules of a dump as mappings: ranges of addresses with path and build id."""

from dataclasses import dataclass

PAGE = 4096


@dataclass
class Mapping:
    """Addresses START to LIMIT show PATH from byte FILE_OFFSET on."""
    path: str
    build_id: str
    start: int
    limit: int
    file_offset: int = 0


def mappings(dumps):
    """The Mappings that cover all frames of DUMPS, by address.

    A dump says where a module begins, not where it ends: a mapping here ends
    after the last frame that lies in it.
    """
    found = {}
    for dump in dumps:
        for callsite in dump.callsites:
            for frame in callsite.frames:
                if not frame.path:
                    continue
                # The start of the file in memory; a file with fixed addresses has bias 0.
                bias = frame.ip - frame.offset
                start = bias or frame.ip & -PAGE
                limit = (frame.ip | (PAGE - 1)) + 1
                mapping = found.setdefault((frame.path, frame.build_id, bias),
                                           Mapping(frame.path, frame.build_id or "", start, limit))
                mapping.start = min(mapping.start, start)
                mapping.limit = max(mapping.limit, limit)
    return sorted(found.values(), key=lambda mapping: mapping.start)
