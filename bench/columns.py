"""The columns of the table: how a program is run under each profiler."""

import dataclasses
import functools
import os
import pathlib
import re
import shutil
import subprocess

import measure


@functools.cache
def library(name):
    """The path of a shared library that the loader knows, or None."""
    ldconfig = shutil.which("ldconfig", path="/usr/sbin:/sbin:/usr/bin")
    if ldconfig is None:
        return None
    listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True,
                             check=False).stdout
    # Of several architectures' libraries the loader lists its own first.
    found = re.search(rf"^\s*{re.escape(name)}\S* .* => (\S+)$", listing,
                      re.MULTILINE)
    return found.group(1) if found else None


@functools.cache
def heaptrack_preload():
    """The path of heaptrack's preload library, or None."""
    script = shutil.which("heaptrack")
    if script is None:
        return None
    prefix = pathlib.Path(os.path.realpath(script)).parent.parent
    for path in sorted(prefix.glob("lib*/**/libheaptrack_preload.so")):
        return str(path)
    return None


@dataclasses.dataclass(frozen=True)
class Column:
    """One way to run a program.

    base names the column that it is compared with; shorten divides the row's
    work, in both; wchar says that bytes written are taken from the process's
    own count, because what it writes goes to /dev/null.
    """

    name: str
    title: str
    base: str
    shorten: int = 1
    wchar: bool = False

    def settings(self, directory):
        """Environment settings, a list of NAME=VALUE; files in DIRECTORY."""
        made = {
            "dmalloc": [f"LD_PRELOAD={measure.LIBRARY}",
                        f"DMALLOC_OUTPUT={directory}/dmalloc.%p"],
            "depth1": [f"LD_PRELOAD={measure.LIBRARY}", "DMALLOC_DEPTH=1",
                       f"DMALLOC_OUTPUT={directory}/dmalloc.%p"],
            "heaptrack-preload": [f"LD_PRELOAD={heaptrack_preload()}",
                                  "DUMP_HEAPTRACK_OUTPUT=/dev/null"],
            "tcmalloc": [f"LD_PRELOAD={library('libtcmalloc.so')}"],
            "gperftools": [f"LD_PRELOAD={library('libtcmalloc.so')}",
                           f"HEAPPROFILE={directory}/gperftools"],
            "jemalloc": [f"LD_PRELOAD={library('libjemalloc.so')}"],
            "jemalloc-prof": [f"LD_PRELOAD={library('libjemalloc.so')}",
                              "MALLOC_CONF=prof:true,prof_final:true,"
                              f"prof_prefix:{directory}/jeprof"],
        }
        return made.get(self.name, [])

    def prefix(self, directory):
        """What is put before the program's own words."""
        if self.name == "heaptrack":
            return ["heaptrack", "-o", f"{directory}/heaptrack"]
        if self.name == "dhat":
            return ["valgrind", "-q", "--tool=dhat",
                    f"--dhat-out-file={directory}/dhat"]
        return []

    def missing(self):
        """Why it cannot be run here, in a word or two; None when it can."""
        if self.name in ("dmalloc", "depth1"):
            return None if measure.LIBRARY.exists() else "not built"
        if self.name in ("tcmalloc", "gperftools"):
            return None if library("libtcmalloc.so") else "not installed"
        if self.name == "jemalloc":
            return None if library("libjemalloc.so") else "not installed"
        if self.name == "jemalloc-prof":
            return jemalloc_missing()
        if self.name == "heaptrack-preload":
            return None if heaptrack_preload() else "not installed"
        if self.name == "heaptrack":
            return None if shutil.which("heaptrack") else "not installed"
        if self.name == "dhat":
            return None if shutil.which("valgrind") else "not installed"
        return None


@functools.cache
def jemalloc_missing():
    """None when jemalloc is there with its profiler built in."""
    path = library("libjemalloc.so")
    if path is None:
        return "not installed"
    answer = subprocess.run(
        ["true"], capture_output=True, text=True, check=False,
        env={**measure.environment(), "LD_PRELOAD": path,
             "MALLOC_CONF": "prof:true"}).stderr
    return "not built in" if "Invalid conf" in answer else None


COLUMNS = [
    Column("plain", "plain", "plain"),
    Column("dmalloc", "dmalloc", "plain"),
    Column("depth1", "dmalloc, `DMALLOC_DEPTH=1`", "plain"),
    Column("heaptrack-preload", "heaptrack's preload alone", "plain", 8,
           wchar=True),
    Column("heaptrack", "heaptrack, whole", "plain", 8),
    Column("gperftools", "gperftools' heap profiler", "tcmalloc", 40),
    Column("jemalloc-prof", "jemalloc's sampled profiler", "jemalloc"),
    Column("dhat", "valgrind --tool=dhat", "plain", 10),
]

BASES = {"plain": COLUMNS[0],
         "tcmalloc": Column("tcmalloc", "tcmalloc", "tcmalloc"),
         "jemalloc": Column("jemalloc", "jemalloc", "jemalloc")}
