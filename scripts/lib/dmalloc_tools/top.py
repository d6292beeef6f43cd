"""dmalloc-top: a live view of a process's heap in the terminal."""

import codecs
import collections
import contextlib
import os
import re
import select
import shutil
import sys
import termios
import time
import tty

from . import ask, cli, names, source, units
from .dump import OLD_SECONDS
from .headline import headline

DESCRIPTION = """\
A live view of the heap of a process that runs under dmalloc, or of a file of
dumps as it grows: totals, ages, and the callsites that hold the memory.

The process is asked with its dmalloc signal and answers through a pipe: no file
is written. Started from the outset: dmalloc-run --top -- PROGRAM."""

KEYS = """\
keys: b c o g  sort by bytes, count, old bytes, growth      r  the other way round
      up down, enter  choose a callsite, see its whole stack
      /  filter by function, module or verdict; esc takes it away
      left right  earlier and later dumps, end  the newest      space  hold
      q  quit"""

GROWTH_SECONDS = 60              # growth is measured over this much time
EVERY = 2.0                      # seconds between two questions to a process
KEPT_DUMPS = 30                  # of a process, to look back at
KEPT_CALLSITES = 5000            # whose bytes are remembered for the growth
AGE_STYLES = ("cyan", "bright_cyan", "yellow", "dark_orange", "magenta")
VERDICT_STYLES = {"growing": "bold red", "steady": "blue", "startup": "dim", "churn": "dim"}
# What an output whose encoding lacks these shows in their place.
PLAIN = dict(zip("▏▎▍▌▋▊▉█▇▆▅▄▃▂▁…", "   #####*+=-:._~"))
SORTS = {"b": "bytes", "c": "count", "o": "old", "g": "growth"}
KEY = re.compile("\x1b(?:\\[[0-9;]*[~A-Za-z]|O[A-Z])?|.", re.DOTALL)      # one key's characters
NAMED_KEYS = {"\x1b": "esc", "\r": "enter", "\n": "enter", "\x1b[4~": "end"} | {
    f"\x1b{lead}{letter}": name for lead in "[O" for letter, name in
    (("A", "up"), ("B", "down"), ("C", "right"), ("D", "left"), ("F", "end"))}


class View:
    """What is on the screen: the last dump, and how the user looks at it."""

    def __init__(self, subject):
        self.subject = subject           # what was named on the command line
        self.past = collections.deque(maxlen=100_000)   # loaders of dumps
        self.dump = None
        self.back = 0                    # how many dumps back from the newest
        self.sort = "bytes"
        self.reverse = False
        self.filter = ""
        self.typing = False              # keys go to the filter
        self.row = 0
        self.stack = False               # the chosen callsite's stack is shown
        self.held = False
        self.message = ""
        self._trend = collections.deque(maxlen=24)      # (time, live bytes)
        self._seen = collections.deque()                # (time, {key: bytes})
        self._growth = {}                # key -> bytes a minute
        self._keys = {}                  # of the shown dump: callsite -> key

    def take(self, dump, remember=False):
        """Shows DUMP, the newest. REMEMBER: no file has it to look back at."""
        if remember:
            self.past.append(lambda: dump)
            while len(self.past) > KEPT_DUMPS:
                self.past.popleft()
        self._trend.append((dump.time, dump.totals["live_bytes"]))
        largest = sorted(dump.callsites, key=lambda callsite: -callsite.bytes)[:KEPT_CALLSITES]
        self._seen.append((dump.time, {names.exact_key(c): c.bytes for c in largest}))
        while len(self._seen) > 2 and self._seen[1][0] <= dump.time - GROWTH_SECONDS:
            self._seen.popleft()
        (then, before), (now, after) = self._seen[0], self._seen[-1]
        if now > then:
            self._growth = {key: (size - before[key]) * 60 / (now - then)
                            for key, size in after.items() if key in before}
        if not self.held and not self.back:
            self.dump = dump

    def step(self, by):
        """Shows the dump BY later (earlier when negative)."""
        self.back = min(max(0, self.back - by), max(0, len(self.past) - 1))
        if self.past:
            self.dump = self.past[-1 - self.back]() or self.dump

    def growth(self, callsite):
        """Bytes a minute: as the dump has it, else as seen here; None if unknown."""
        if self.back:
            return callsite.growth
        seen = self._growth.get(names.exact_key(callsite))
        return callsite.growth if seen is None else seen

    def callsites(self):
        """Those that pass the filter, in the chosen order."""
        measure = {"bytes": lambda c: c.bytes, "count": lambda c: c.live,
                   "old": lambda c: (c.older(OLD_SECONDS) or (0, 0))[1],
                   "growth": lambda c: self.growth(c) or 0}[self.sort]
        wanted = self.filter.lower()
        chosen = [c for c in self.dump.callsites if not wanted or wanted in _search_text(c)]
        return sorted(chosen, key=measure, reverse=not self.reverse)

    def key(self, key):
        """Does what KEY asks for; returns True to quit."""
        if self.typing:
            self._type(key)
        elif key in ("q", "\x03", "\x04"):
            return True
        elif key in SORTS:
            self.sort, self.row = SORTS[key], 0
        elif key == "r":
            self.reverse = not self.reverse
        elif key in ("up", "k", "down", "j"):
            self.row = max(0, self.row + (1 if key in ("down", "j") else -1))
        elif key == "enter":
            self.stack = not self.stack
        elif key == "/":
            self.typing = True
        elif key == " ":
            self.held = not self.held
        elif key in ("left", "right"):
            self.step(1 if key == "right" else -1)
        elif key == "end":
            self.step(self.back)
        elif key == "esc":
            self.filter, self.stack = "", False
        return False

    def _type(self, key):
        if key in ("enter", "esc"):
            self.typing = False
            self.filter = "" if key == "esc" else self.filter
        elif key == "\x7f":
            self.filter = self.filter[:-1]
        elif len(key) == 1 and key.isprintable():
            self.filter += key
        self.row = 0

    # What is drawn, from top to bottom. Each part is a list of rich Texts.

    def lines(self, width, height):
        """The screen: HEIGHT rich Texts, the last one with the keys."""
        text = cli.need("rich.text", "python3-rich").Text
        head = [self._heading(text, width), self._totals(text), *self._ages(text, width),
                self._headline(text)]
        room = max(1, height - len(head) - 1)
        body = self._stack(text, room) if self.stack else self._table(text, width, room)
        lines = [*head, *body]
        lines += [text()] * (height - 1 - len(lines)) + [self._foot(text)]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return lines[:height]

    def _heading(self, text, width):
        dump = self.dump
        line = text(f" {dump.name}", style="bold")
        line.append(f" {dump.pid} on {dump.host}, up {units.duration(dump.uptime)}, "
                    f"dump {dump.seq:,}", style="not bold")
        state = f"{self.back} back" if self.back else "held" if self.held else \
            time.strftime("%H:%M:%S UTC", time.gmtime(dump.time))
        line.truncate(max(0, width - len(state) - 2), overflow="ellipsis", pad=True)
        return line.append(f" {state} ", style="reverse" if self.back or self.held else "not bold")

    def _totals(self, text):
        totals = self.dump.totals
        line = text(" ").append(units.size(totals["live_bytes"]), style="bold")
        line.append(f" live in {units.plural(totals['live'], 'block')}, "
                    f"peak {units.size(totals.get('peak_bytes', 0))}")
        (then, before), (now, after) = self._trend[0], self._trend[-1]
        if now > then and not self.back:
            line.append(f", {units.signed_size((after - before) * 60 / (now - then))}/min ")
            low = min(size for _, size in self._trend) * 0.9
            line.append(units.spark([size - low for _, size in self._trend]), style="cyan")
        return line

    def _ages(self, text, width):
        rows = self.dump.ages
        largest = max((row["bytes"] for row in rows), default=0) or 1
        room = max(4, width - 39)
        for index, row in enumerate(rows):
            line = text(f" {units.age_label(row):>10} {row['live']:>13,} {units.size(row['bytes']):>10}  ")
            yield line.append(_bar(row["bytes"] / largest, room), style=AGE_STYLES[min(index, 4)])

    def _headline(self, text):
        if self.message:
            return text(f" {self.message}", style="bold red")
        growing, note = headline(self.dump, depth=1)
        if growing:
            return text(f" {note}", style="red")
        if len(self.dump.callsites) < self.dump.callsites_used:
            note += (f" {len(self.dump.callsites):,} of {self.dump.callsites_used:,} "
                     "callsites listed.")
        return text(f" {note.lstrip()}", style="dim")

    def _table(self, text, width, room):
        chosen = self.callsites()
        self.row = min(self.row, max(0, len(chosen) - 1))
        rows = room - 1
        first = min(max(0, self.row - rows // 2), max(0, len(chosen) - rows))
        marks = dict.fromkeys(SORTS.values(), "") | {self.sort: "^" if self.reverse else "v"}
        yield text(f" {'BYTES' + marks['bytes']:>9} {'GROWTH/MIN' + marks['growth']:>11}"
                   f" {'BLOCKS' + marks['count']:>9} {'OLD' + marks['old']:>5}  VERDICT   CALLSITE",
                   style="bold")
        for index, callsite in enumerate(chosen[first:first + rows], first):
            growth = self.growth(callsite)
            old = callsite.older(OLD_SECONDS)
            share = f"{100 * old[1] / (callsite.bytes or 1):.0f}%" if old else ""
            line = text(f" {units.size(callsite.bytes):>9} "
                        f"{units.signed_size(growth) if growth else '':>11}"
                        f" {callsite.live:>9,} {share:>5}  ")
            line.append(f"{callsite.verdict:9} ", style=VERDICT_STYLES.get(callsite.verdict, ""))
            line.append(names.title(callsite))
            if index == self.row:
                line.truncate(width, overflow="ellipsis", pad=True)
                line.stylize("reverse")
            yield line
        if not chosen:
            yield text(" no callsite matches the filter" if self.filter else f" {self._why_none()}",
                       style="dim")

    def _why_none(self):
        """Why the dump lists no callsite."""
        known, least = self.dump.data.get("callsites", {}), self.dump.data.get("min_age")
        if used := self.dump.callsites_used:
            setting = f"DMALLOC_MIN_AGE={least}" if least else "DMALLOC_TOP=0"
            return f"the dump lists none of {units.plural(used, 'callsite')} ({setting})"
        if blocks := known.get("suppressed_live"):
            return (f"no callsite has live blocks but those suppressed: {units.plural(blocks, 'block')}, "
                    f"{units.size(known.get('suppressed_bytes', 0))}")
        return "no callsite has live blocks"

    def _stack(self, text, room):
        chosen = self.callsites()
        if not chosen:
            return
        callsite = chosen[min(self.row, len(chosen) - 1)]
        yield text(f" {units.size(callsite.bytes)} in {units.plural(callsite.live, 'block')}, "
                   f"{callsite.data.get('allocations', 0):,} allocated so far", style="bold")
        if callsite.ages:
            yield text(" " + " | ".join(f"{units.age_label(row)} {live:,}"
                                        for row, live in zip(self.dump.ages, callsite.ages)))
        if callsite.verdict:
            yield text(f" {callsite.verdict}: {callsite.reason}",
                       style=VERDICT_STYLES.get(callsite.verdict, ""))
        lines = [line for frame in callsite.frames for line in names.frame_lines(frame)]
        shown = lines if len(lines) <= room - 3 else lines[:room - 4]
        for line in shown:
            yield text(f"   {line}")
        if len(shown) < len(lines):
            yield text(f"   ... {len(lines) - len(shown)} more frames", style="dim")

    def _foot(self, text):
        if self.typing or self.filter:
            return text(f" filter: {self.filter}" + ("_" if self.typing else "  (esc clears)"),
                        style="reverse")
        return text(" q quit  b c o g sort  r reverse  / filter  enter stack  space hold  "
                    "arrows move", style="dim")


def _search_text(callsite):
    """What the filter looks at; remembered in the callsite."""
    if not hasattr(callsite, "text"):
        callsite.text = "\n".join((callsite.verdict, *map(names.frame_text, callsite.frames))).lower()
    return callsite.text


def _bar(share, width):
    """A bar of eighths of characters, WIDTH at most."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]


def _plain(error):
    """An error handler of stdout's codec: something for what is not in it."""
    missing = error.object[error.start:error.end]
    return "".join(PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode()
                   for c in missing), error.end


class Keyboard:
    """Single keys from the terminal; the terminal is as it was afterwards."""

    def __enter__(self):
        self._before = termios.tcgetattr(0)
        tty.setcbreak(0)
        return self

    def __exit__(self, *_):
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)

    @staticmethod
    def wait(timeout):
        """The keys pressed within TIMEOUT seconds, as soon as there are any."""
        if not select.select([0], [], [], timeout)[0]:
            return []
        text = os.read(0, 1024).decode("utf-8", "replace")
        if not text:
            return ["q"]                 # the terminal is gone
        return [NAMED_KEYS.get(key, key) for key in KEY.findall(text)]


def dumps(view, seconds, stop):
    """The Dumps for VIEW as they come; it keeps what it can look back at."""
    if source.is_pid(view.subject):
        for dump in source.follow_process(view.subject, seconds, stop):
            view.take(dump, remember=True)
            yield dump
    else:
        for dump in source.follow_file(source.split(view.subject)[0], stop, view.past):
            view.take(dump)
            yield dump


def show(view, seconds):
    """The view in the terminal until the user quits."""
    rich = cli.need("rich.console", "python3-rich")
    console, group = rich.Console(), rich.Group
    live = cli.need("rich.live", "python3-rich").Live
    with Keyboard() as keyboard, live(console=console, screen=True, auto_refresh=False) as screen:
        def refresh():
            if view.dump:
                screen.update(group(*view.lines(*console.size)), refresh=True)

        def stop(timeout):
            until = time.monotonic() + timeout
            size = console.size
            while (left := until - time.monotonic()) > 0:
                keys = keyboard.wait(min(left, 0.25))
                if any([view.key(key) for key in keys]):
                    return True
                if keys or console.size != size:
                    size = console.size
                    refresh()
            return False

        while True:
            try:
                for _ in dumps(view, seconds, stop):
                    view.message = ""
                    refresh()
                return
            except cli.Trouble as trouble:
                if not view.dump:
                    raise
                gone = source.is_pid(view.subject) and not ask.exists(view.subject)
                view.message = f"process {view.subject} is gone: these are its last figures" \
                    if gone else str(trouble)
                refresh()
                if stop(float("inf") if gone else seconds):
                    return


def print_once(view, height):
    """One screen of text, for a pipe or `--once`."""
    rich = cli.need("rich.console", "python3-rich")
    next(dumps(view, 0, lambda _: True))
    console = rich.Console(width=shutil.get_terminal_size((120, height)).columns)
    lines = view.lines(console.width, height)[:-1]      # without the keys
    while not lines[-1].plain:
        lines.pop()
    for line in lines:
        line.rstrip()
        console.print(line, no_wrap=True, crop=True)


def main():
    parser = cli.Parser(description=DESCRIPTION, epilog=KEYS)
    parser.add_argument("subject", metavar="PID|FILE", help="a process, or a file of JSON dumps")
    parser.add_argument("--every", type=cli.checked(units.parse_seconds), default=EVERY, metavar="S",
                        help="seconds between two questions to a process (default: 2)")
    parser.add_argument("--sort", choices=tuple(SORTS.values()), default="bytes",
                        help="order at the start (default: bytes)")
    parser.add_argument("--once", action="store_true",
                        help="print one screen and end; so does output to a pipe")
    parser.add_argument("--rows", type=cli.at_least(12), default=40, metavar="N",
                        help="lines printed by --once (default: 40)")
    options = parser.parse_args()
    if options.every < 0.1:
        raise cli.Trouble("--every: at least 0.1 seconds")
    view = View(options.subject)
    view.sort = options.sort
    codecs.register_error("plain", _plain)
    sys.stdout.reconfigure(errors="plain")
    if options.once or not (sys.stdin.isatty() and sys.stdout.isatty()):
        print_once(view, options.rows)
    else:
        with contextlib.suppress(KeyboardInterrupt):
            show(view, options.every)
    if view.message:
        cli.say(view.message)
    return 0
