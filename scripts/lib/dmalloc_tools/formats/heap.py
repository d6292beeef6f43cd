"""The legacy text heap profile of google-pprof, which Go's pprof reads, too.

Only live blocks count in the first two columns; the columns in brackets are
those ever allocated. Addresses are return addresses, leaf first.
"""

from .. import cli
from ..weights import older
from .mappings import mappings


def convert(dumps, options):
    """The profile of one process: addresses of several do not fit in one file."""
    if len(dumps) > 1:
        raise cli.Trouble("the heap format holds one process: choose it with --pid")
    dump = dumps[0]
    rows, sums = [], [0, 0, 0, 0]
    for callsite in dump.callsites:
        live, size = older(callsite, options.older_than)
        data = callsite.data
        figures = (max(0, live), max(0, size) if live > 0 else 0, data.get("allocations", live),
                   data.get("allocated_bytes", size))
        if not figures[2]:
            continue                     # readers refuse bytes in no block
        sums = [total + value for total, value in zip(sums, figures)]
        addresses = " ".join(f"{frame.ip:#018x}" for frame in callsite.frames)
        rows.append(f"{_figures(figures)} @ {addresses}\n")
    maps = (f"{m.start:012x}-{m.limit:012x} r-xp {m.file_offset:08x} 00:00 0"
            f"                          {m.path}\n" for m in mappings([dump]))
    return (f"heap profile: {_figures(sums)} @ heapprofile\n" + "".join(rows)
            + "\nMAPPED_LIBRARIES:\n" + "".join(maps))


def _figures(figures):
    live, size, allocations, allocated = figures
    return f"{live:6}: {size:8} [{allocations:6}: {allocated:8}]"
