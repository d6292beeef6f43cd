"""Whether a process has the library loaded, whatever its file is called.

A copy with another name is known by its soname, which it carries inside. Files
are opened in the process's own root, without waiting: somebody else may have put
there what he likes.
"""

import contextlib
import os
import re
import struct

LIBRARY = "libdmalloc.so"
ELF64 = b"\x7fELF\x02\x01"
HEADERS_OFFSET, HEADERS_COUNT = 32, 56       # of the fields in the ELF header
HEADER_BYTES = 56                # of a program header
PT_LOAD, PT_DYNAMIC = 1, 2
DT_STRTAB, DT_SONAME = 5, 14
MOST_DYNAMIC = 1 << 16           # bytes of a dynamic section that we read

# A whole file's first page: address, permissions, offset 0, device, inode, path.
MAPPING = re.compile(r"\S+ \S+ 0+ \S+ [1-9]\d* +(/.*)\n")
# Code of a file.
CODE = re.compile(r"\S+ ..x. \S+ \S+ [1-9]\d* +(/.*)\n")


def is_static(folder):
    """Whether the process in FOLDER runs code of one file alone: no ld.so, no libc."""
    with open(f"{folder}/maps", errors="surrogateescape") as maps:
        found = (CODE.match(line) for line in maps)
        return len({match[1] for match in found if match}) == 1


def has_library(folder):
    """Whether the library is among the files that a process has mapped. FOLDER: its
    place in /proc."""
    with open(f"{folder}/maps", errors="surrogateescape") as maps:
        lines = list(maps)
    if any(LIBRARY in line for line in lines):
        return True
    paths = {match[1].replace("\\012", "\n") for match in map(MAPPING.match, lines) if match}
    return any(soname(f"{folder}/root{path}") == LIBRARY for path in paths)


def soname(path):
    """The soname of the file PATH, or None."""
    with contextlib.suppress(OSError, OverflowError, struct.error, StopIteration):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return _read_soname(descriptor)
        finally:
            os.close(descriptor)
    return None


def _read_soname(descriptor):
    """What DT_SONAME says; fails with one of the errors above in what has none."""
    header = os.pread(descriptor, 64, 0)
    if not header.startswith(ELF64):
        return None
    (start,) = struct.unpack_from("<Q", header, HEADERS_OFFSET)
    (count,) = struct.unpack_from("<H", header, HEADERS_COUNT)
    table = os.pread(descriptor, HEADER_BYTES * count, start)
    headers = [struct.unpack_from("<I4xQQ8xQ", table, at)          # type, offset, address, bytes
               for at in range(0, len(table), HEADER_BYTES)]
    offset, size = next((header[1], header[3]) for header in headers if header[0] == PT_DYNAMIC)
    dynamic = os.pread(descriptor, min(size, MOST_DYNAMIC), offset)
    entries = dict(struct.iter_unpack("<QQ", dynamic[:len(dynamic) // 16 * 16]))
    if not {DT_STRTAB, DT_SONAME} <= entries.keys():
        return None
    address = entries[DT_STRTAB] + entries[DT_SONAME]
    place = next(header[1] + address - header[2] for header in headers
                 if header[0] == PT_LOAD and 0 <= address - header[2] < header[3])
    return os.pread(descriptor, 256, place).split(b"\0")[0].decode(errors="replace")
