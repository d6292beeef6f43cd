"""Arguments, errors, warnings, progress, input and output files of the scripts.

Every script ends with 0, with 1 where its page says so, or with 2 and one
line on stderr: `dmalloc-diff: x.jsonl: no such file`.
"""

import argparse
import contextlib
import importlib
import io
import os
import signal
import stat
import sys
import tempfile
import time

from . import units

NAME = os.path.basename(sys.argv[0])
STDOUT = "-"
STDOUTS = (None, STDOUT, "/dev/stdout")

_inputs = set()                  # (device, inode) of each file that was opened to read


class Trouble(Exception):
    """What a user has to be told, in one line; the script ends with 2."""


class Parser(argparse.ArgumentParser):
    """argparse with one line for an error, and help kept as written."""

    def __init__(self, **settings):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter,
                         allow_abbrev=False, **settings)

    def error(self, message):
        raise Trouble(f"{message} (see {self.prog} --help)")


def checked(parse):
    """An argparse type from a parse function that raises ValueError."""
    def convert(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return convert


def at_least(minimum):
    """An argparse type: a whole number of at least MINIMUM."""
    def parse(text):
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise ValueError(f'"{text}" is not a whole number of at least {minimum}')
        return number
    return checked(parse)


def one_line(text):
    """TEXT fit for one line of a terminal: control characters escaped."""
    text = str(text)
    return text if text.isprintable() else "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(text):
    """One line on stderr, after the script's name."""
    with contextlib.suppress(OSError):
        print(f"{NAME}: {one_line(text)}", file=sys.stderr, flush=True)


def run(main):
    """Runs MAIN and ends the process with its result."""
    _prepare()
    try:
        status = _status(main)
        sys.stdout.flush()
    except Trouble as trouble:
        say(trouble)
        status = 2
    except _Signalled as end:
        os.kill(os.getpid(), end.args[0])
    except BrokenPipeError:
        status = 141                         # as if SIGPIPE had ended it
    except KeyboardInterrupt:
        status = 130
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"{where}{(error.strerror or str(error)).lower()}")
        status = 2
    except MemoryError:
        say("not enough memory for this dump")
        status = 2
    try:
        sys.stdout.flush()
    except (OSError, Trouble):               # what is left can go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _status(main):
    try:
        return main() or 0
    except SystemExit as end:                # of --help
        return end.code or 0


class _Signalled(BaseException):
    """The signal of this number is to end us, once what is half done is taken away."""


def _end(number, _):
    signal.signal(number, signal.SIG_DFL)
    raise _Signalled(number)


def _prepare():
    """Sees to what a script was started with.

    A standard stream that is closed (`>&-`) becomes /dev/null. What ends us is
    an exception, so that no half of a file stays.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(null, mode, encoding="utf-8", errors="surrogateescape",
                                    closefd=False))
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(before.fileno(), "stdout", closefd=False)),
        before.encoding, before.errors, line_buffering=before.line_buffering)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:       # nohup's stays
            signal.signal(number, _end)


@contextlib.contextmanager
def naming(name):
    """Makes a Trouble of an OSError: what could not be read or written is NAME."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Trouble(f"{name}: {(error.strerror or str(error)).lower()}") from None


class _Output(io.FileIO):
    """A file to write to that says its NAME when that fails."""

    def __init__(self, file, name, **settings):
        super().__init__(file, "wb", **settings)
        self._called = name

    def write(self, data):
        with naming(self._called):
            return super().write(data)


def need(module, package):
    """The Python module MODULE of Debian's PACKAGE."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise Trouble(f"the Python module {module} is missing: "
                      f"apt install {package}") from None


class Progress:
    """A line on stderr that says how far a long reading has come.

    Silent when stderr is no terminal, and for the first second.
    """

    def __init__(self, total, noun="dump"):
        """TOTAL bytes are to be read (0: unknown) in NOUNs."""
        self.total = total
        self.noun = noun
        self.next = time.monotonic() + 1 if sys.stderr.isatty() else float("inf")
        self.shown = False

    def at(self, position, number):
        """POSITION bytes and NUMBER nouns are done."""
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + 0.2
        self.shown = True
        share = f"{100 * position / self.total:3.0f} % of {units.size(self.total)}, " \
            if self.total else ""
        sys.stderr.write(f"\r{NAME}: {share}{units.plural(number, self.noun)}\x1b[K")
        sys.stderr.flush()

    def end(self):
        """Takes the line away."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.shown = False


def open_input(path):
    """The binary stream of the file PATH ("-": stdin), which no output may replace."""
    with naming(path):
        stream = sys.stdin.buffer if path == "-" else open(path, "rb")
    found = os.fstat(stream.fileno())
    _inputs.add((found.st_dev, found.st_ino))
    return stream


@contextlib.contextmanager
def replacing(path, mode=None):
    """A function that writes bytes to PATH ("-" or None: stdout).

    A file is replaced only when the new one is whole, so that no reader, a
    metrics collector for instance, ever sees half of it. It keeps its mode; a
    new one has MODE, or what the umask leaves.
    """
    if path in STDOUTS:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    found = None
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(path)
    if found and not stat.S_ISREG(found.st_mode):
        with naming(path):
            device = _Output(path, path)     # /dev/null, a named pipe
        with io.BufferedWriter(device) as file:
            yield file.write
        return
    if found and (found.st_dev, found.st_ino) in _inputs:
        raise Trouble(f"{path}: is the input; write the output to another file")
    place = os.path.realpath(path)           # what a link points to
    with naming(path):
        handle, temporary = tempfile.mkstemp(
            prefix=os.path.basename(place)[:200] + ".", dir=os.path.dirname(place))
    try:
        with io.BufferedWriter(_Output(handle, path)) as file:
            yield file.write
        with naming(path):
            _take_after(temporary, found, mode)
            os.rename(temporary, place)
    except BaseException:
        os.unlink(temporary)
        raise


def _take_after(path, found, mode):
    """Gives the file PATH owner and mode of FOUND; MODE or the umask's without it."""
    if found:
        with contextlib.suppress(PermissionError):
            os.chown(path, found.st_uid, found.st_gid)
        mode = found.st_mode & 0o777
    elif mode is None:
        mask = os.umask(0o077)
        os.umask(mask)
        mode = 0o666 & ~mask
    os.chmod(path, mode)


def write_output(path, data, mode=None):
    """Writes DATA, text or bytes, to PATH as `replacing` does."""
    with replacing(path, mode) as write:
        write(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)


def remove_output(path):
    """Takes away the file that `replacing` has put at PATH."""
    place = os.path.realpath(path)
    if path not in STDOUTS and os.path.isfile(place):
        os.unlink(place)
