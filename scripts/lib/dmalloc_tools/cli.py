"""Arguments, errors, warnings, progress and output files of the scripts.

Every script ends with 0, with 1 where its page says so, or with 2 and one
line on stderr: `dmalloc-diff: x.jsonl: no such file`.
"""

import argparse
import contextlib
import importlib
import os
import sys
import tempfile
import time

from . import units

NAME = os.path.basename(sys.argv[0])
STDOUT = "-"


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
    try:
        status = main() or 0
        sys.stdout.flush()
    except Trouble as trouble:
        say(trouble)
        status = 2
    except BrokenPipeError:
        status = 141                         # as if SIGPIPE had ended it
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except KeyboardInterrupt:
        status = 130
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"{where}{(error.strerror or str(error)).lower()}")
        status = 2
    except MemoryError:
        say("not enough memory for this dump")
        status = 2
    sys.exit(status)


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


@contextlib.contextmanager
def replacing(path):
    """A function that writes bytes to PATH ("-" or None: stdout).

    A file is replaced only when the new one is whole, so that no reader, a
    metrics collector for instance, ever sees half of it.
    """
    if path in (None, STDOUT):
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as device:     # /dev/null, a named pipe
            yield device.write
        return
    handle, temporary = tempfile.mkstemp(
        prefix=os.path.basename(path) + ".", dir=os.path.dirname(path) or ".")
    try:
        with open(handle, "wb") as file:
            yield file.write
        os.chmod(temporary, 0o644)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_output(path, data):
    """Writes DATA, text or bytes, to PATH as `replacing` does."""
    with replacing(path) as write:
        write(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
