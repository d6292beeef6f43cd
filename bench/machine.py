"""What the figures were measured on: the machine and the versions."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

import measure

# A command that says its version, and what of its output is the version.
VERSIONS = [
    ("gcc", ["gcc", "--version"], r"(\d+\.\d+\.\d+)$"),
    ("heaptrack", ["heaptrack", "--version"], r"heaptrack (\S+)"),
    ("valgrind", ["valgrind", "--version"], r"valgrind-(\S+)"),
    ("python", [sys.executable, "--version"], r"Python (\S+)"),
    ("perl", ["perl", "-e", "print $^V"], r"v(\S+)"),
    ("sqlite3", ["sqlite3", "--version"], r"^(\S+)"),
    ("redis", ["redis-server", "--version"], r"v=(\S+)"),
    ("git", ["git", "--version"], r"git version (\S+)"),
]

# What only the package manager knows.
PACKAGES = {"gperftools": "libgoogle-perftools4", "jemalloc": "libjemalloc2"}


def _answer(words):
    """What a command prints, or nothing."""
    if shutil.which(words[0]) is None:
        return ""
    return subprocess.run(words, capture_output=True, text=True,
                          check=False).stdout.strip()


def versions():
    """The versions of all tools, in one line of text."""
    found = []
    for name, words, pattern in VERSIONS:
        match = re.search(pattern, _answer(words), re.MULTILINE)
        found.append(f"{name} {match.group(1) if match else 'not installed'}")
    for name, package in PACKAGES.items():
        version = _answer(["dpkg-query", "-W", "-f", "${Version}", package])
        found.append(f"{name} {version or 'of unknown version'}")
    return ", ".join(found)


def _processor():
    """The processor's name."""
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8",
                                                   errors="replace")
    match = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return match.group(1) if match else platform.machine()


def _memory():
    """The machine's memory in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _system():
    """The distribution's name."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _commit():
    """The commit that was measured, with a mark when the tree had changes."""
    commit = _answer(["git", "-C", str(measure.ROOT), "describe", "--always",
                      "--dirty"])
    return f", commit {commit}" if commit else ""


def describe(command):
    """Two sentences about where, when and by which COMMAND."""
    virtual = "virtual, " if "hypervisor" in pathlib.Path(
        "/proc/cpuinfo").read_text(encoding="utf-8", errors="replace") else ""
    return (f"Measured by `{command}` on {time.strftime('%Y-%m-%d')}"
            f"{_commit()}: {_processor()}, {virtual}{os.cpu_count()} cores, "
            f"{_memory():.0f} GiB, {_system()}, Linux {platform.release()}, "
            f"{' '.join(platform.libc_ver())}.\n"
            f"Versions: {versions()}.\n")
