"""The rows of the table: the programs that are run under each profiler."""

import dataclasses
import os
import shutil
import subprocess
import sys
import typing

import measure
import redis_row

WORKLOADS = measure.BENCH / "workloads"
INPUTS = measure.BUILD / "inputs"


@dataclasses.dataclass(frozen=True)
class Row:
    """One program.

    size is the amount of its work in a full run, in units of its own;
    command turns an amount into (settings, words); goal is the ratio of CPU
    time that the project wants; needs names the commands that must be there;
    multiple is how many times what dmalloc adds heaptrack's preload adds where
    the goal is met, in a program that allocates as often as the goal's did;
    pipeline, of a server's row, is how many requests a client sends at a time.
    """

    name: str
    title: str
    size: int
    command: typing.Callable
    goal: str = ""
    needs: tuple = ()
    multiple: str = ""
    pipeline: int = 0

    def missing(self):
        """Why it cannot be run here; None when it can."""
        gone = [name for name in self.needs if shutil.which(name) is None]
        return "not installed" if gone else None

    def amount(self, part):
        """The work that a PART (0 to 1) of the full run is."""
        return max(1, round(self.size * part))

    def run(self, column, part, directory, seconds):
        """Run PART of the work under COLUMN; its files go to DIRECTORY."""
        settings, words = self.command(self.amount(part))
        if self.pipeline:
            return redis_row.run(column, words, self.amount(part),
                                 self.pipeline, directory, seconds)
        return measure.run_once(
            [*column.prefix(directory), *words],
            [*settings, *column.settings(directory)], seconds, directory)


def workload(name, option, *more):
    """The command of a C program of ours; OPTION takes the amount."""
    return lambda amount: ([], [str(measure.BUILD / name), f"--{option}",
                                str(amount), *more])


def made_file(script, amount, ending):
    """The file that a generator writes for AMOUNT; it is kept for the next."""
    INPUTS.mkdir(parents=True, exist_ok=True)
    path = INPUTS / f"{script.removesuffix('.py')}-{amount}.{ending}"
    if not path.exists():
        text = subprocess.run([sys.executable, WORKLOADS / script, str(amount)],
                              capture_output=True, check=True).stdout
        part = path.with_suffix(".part")
        part.write_bytes(text)
        part.rename(path)
    return str(path)


def python(amount):
    """Our Python program, with every object from malloc."""
    return ["PYTHONMALLOC=malloc"], [sys.executable,
                                     str(WORKLOADS / "objects.py"), str(amount)]


def perl(amount):
    """Our Perl program."""
    return [], ["perl", str(WORKLOADS / "records.pl"), str(amount)]


def sqlite(amount):
    """The sqlite3 shell over a database in memory."""
    path = made_file("make_sql.py", amount, "sql")
    return [], ["sqlite3", ":memory:", f".read {path}"]


def compiler(amount):
    """GCC's compiler proper, without the driver and the assembler."""
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True,
                         text=True, check=True).stdout.strip()
    if not os.path.isabs(cc1):
        raise measure.Failed("no cc1")
    return [], [cc1, "-quiet", "-O1", "-w", made_file("make_c.py", amount, "c"),
                "-o", "/dev/null"]


def redis(_amount):
    """The server; its requests come from redis_row."""
    return [], [shutil.which("redis-server") or "redis-server"]


ROWS = [
    Row("slots15", "malloc and free of 16 to 512 bytes, 15 frames", 40000000,
        workload("slots", "ops", "--depth", "15"), "1.9",
        multiple="12"),
    Row("slots40", "the same under 40 frames", 40000000,
        workload("slots", "ops", "--depth", "40"), "2.2",
        multiple="18"),
    Row("slots15x2", "15 frames, 2 threads", 40000000,
        workload("slots", "ops", "--depth", "15", "--threads", "2"),
        "row 1"),
    Row("slots15x4", "15 frames, 4 threads", 40000000,
        workload("slots", "ops", "--depth", "15", "--threads", "4"),
        "row 1"),
    Row("python", "python3, PYTHONMALLOC=malloc", 100, python, "1.5",
        multiple="9"),
    Row("sqlite", "sqlite3 in memory", 80000, sqlite, "1.08", ("sqlite3",),
        multiple="9"),
    Row("perl", "perl", 120, perl, "1.07", ("perl",), multiple="7.1"),
    Row("cc1", "cc1 -O1 of a generated file", 60, compiler, "1.10", ("gcc",),
        multiple="4.0"),
    Row("factor", "factoring with tiny bignums", 32,
        workload("factor", "numbers"), "1.8", multiple="7.9"),
    Row("recursive", "recursion over covers, 55,000 stacks", 24,
        workload("recursive", "rounds"), "1.35", multiple="7.1"),
    Row("cross", "4 threads freeing each other's blocks", 10000000,
        workload("cross", "ops")),
    Row("tail", "random replacement, a long tail of sizes", 24000000,
        workload("tail", "ops")),
    Row("redis", "redis-server under redis-benchmark", 200000, redis,
        "1.03 wall", ("redis-server", "redis-benchmark"), pipeline=1),
    Row("redis16", "the same, 16 requests at a time", 1500000, redis,
        "", ("redis-server", "redis-benchmark"), pipeline=16),
]
