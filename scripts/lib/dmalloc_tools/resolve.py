"""Addresses of files -> source lines and inlined functions, with elfutils.

eu-addr2line does the reading: DWARF, separate debug files by debug link and by
build id, split and compressed ones, and debuginfod where DEBUGINFOD_URLS is
set. Here is only the choice of the file to ask, for a file of another build
would give wrong lines: its build id must be the dump's.
"""

import ctypes
import functools
import os
import re
import shutil
import subprocess

from .cli import Trouble

BATCH = 2000                     # addresses for one run of eu-addr2line
DEBUG_DIRECTORY = "/usr/lib/debug"


class Resolver:
    """Finds the lines of addresses; remembers what it found."""

    def __init__(self, sysroot=""):
        """SYSROOT is put before every path: a container's root, for instance."""
        for tool in ("eu-addr2line", "eu-unstrip"):
            if not shutil.which(tool):
                raise Trouble(f"{tool} is missing: apt install elfutils")
        self.sysroot = sysroot.rstrip("/")
        self.missing = set()             # (path, build id) without a usable file
        self._known = {}                 # (path, build id) -> {address: [place, ...]}

    def lines(self, path, build_id, addresses):
        """{address: [{"symbol", "file", "line"}, ...]}, innermost function first.

        ADDRESSES are those of the instructions themselves, in the file's own
        numbering. What is not known has an empty list.
        """
        known = self._known.setdefault((path, build_id), {})
        wanted = sorted(set(addresses) - known.keys())
        file = self.file(path, build_id) if wanted else None
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start:start + BATCH]
            found = self._ask(file, batch) if file else {}
            known.update((address, found.get(address, [])) for address in batch)
        return known

    @functools.lru_cache(maxsize=None)
    def file(self, path, build_id):
        """The file to ask for a module: itself, or a debug file of its build id."""
        for candidate in self._candidates(path, build_id):
            if candidate and os.path.isfile(candidate) and \
                    (not build_id or build_id_of(candidate) == build_id):
                return candidate
        if found := build_id and debuginfod(build_id):
            return found
        self.missing.add((path, build_id))
        return None

    def _candidates(self, path, build_id):
        yield f"{self.sysroot}{path}" if path.startswith("/") else path
        if build_id:
            name = f"{DEBUG_DIRECTORY}/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
            yield self.sysroot + name
            yield name

    def _ask(self, file, addresses):
        """Runs eu-addr2line once for ADDRESSES."""
        folders = [f":.debug:{DEBUG_DIRECTORY}"]
        if self.sysroot:
            folders.append(f"{self.sysroot}{DEBUG_DIRECTORY}")
        answer = subprocess.run(
            ["eu-addr2line", "-aifC", "-e", file, f"--debuginfo-path={':'.join(folders)}"],
            input="".join(f"{address:#x}\n" for address in addresses).encode(),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return parse_answer(answer.stdout.decode("utf-8", "replace"))


def parse_answer(text):
    """eu-addr2line's answer -> {address: [{"symbol", "file", "line"}, ...]}.

    For each address it prints the address, then a line with a function and a
    line with a place for the innermost function, and so on outwards.
    """
    found = {}
    block = None
    function = None
    for line in text.splitlines():
        if re.fullmatch(r"0x[0-9a-f]{16}", line):
            block = found.setdefault(int(line, 16), [])
            function = None
        elif function is None:
            function = line.partition(" inlined at ")[0]
        else:
            name, number = _place(line)
            entry = {"symbol": function} if function not in ("??", "") else {}
            if name:
                entry |= {"file": name, "line": number}
            if entry and block is not None:
                block.append(entry)
            function = None
    return found


def _place(text):
    """(file, line) of file:line[:column]; (None, 0) when it is not known."""
    match = re.fullmatch(r"(.+?):(\d+)(?::\d+)?(?: \(discriminator \d+\))?", text)
    if not match or match[1] == "??" or match[2] == "0":
        return None, 0
    return match[1], int(match[2])


@functools.lru_cache(maxsize=None)
def build_id_of(path):
    """The build id of the ELF file PATH in hex, or None."""
    answer = subprocess.run(["eu-unstrip", "-n", "-e", path], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=False)
    match = re.match(rb"\S+ ([0-9a-f]+)(?:@| )", answer.stdout)
    return match[1].decode() if match else None


@functools.lru_cache(maxsize=None)
def _debuginfod():
    """libdebuginfod with a client of it, or None where it is not set up."""
    if not os.environ.get("DEBUGINFOD_URLS"):
        return None
    try:
        library = ctypes.CDLL("libdebuginfod.so.1")
    except OSError:
        return None
    library.debuginfod_begin.restype = ctypes.c_void_p
    return library, ctypes.c_void_p(library.debuginfod_begin())


def debuginfod(build_id):
    """The path of the debug file of BUILD_ID that a debuginfod server has, or None."""
    if not _debuginfod():
        return None
    library, client = _debuginfod()
    path = ctypes.c_char_p()
    for find in (library.debuginfod_find_debuginfo, library.debuginfod_find_executable):
        find.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int,
                         ctypes.POINTER(ctypes.c_char_p)]
        descriptor = find(client, build_id.encode(), 0, ctypes.byref(path))
        if descriptor >= 0:
            os.close(descriptor)
            return os.fsdecode(path.value)
    return None
