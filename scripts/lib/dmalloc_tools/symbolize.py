"""dmalloc-symbolize: source lines and inlined functions for text and JSON dumps."""

import contextlib
import glob
import json
import os
import re
import shutil
import subprocess

from . import cli
from .dumps import DUMP_MAX_BYTES, START, open_unpacked, size_of
from .resolve import Resolver

DESCRIPTION = """\
A filter that adds file:line and inlined functions to a dump, text or JSON.

Lines come from the program's own debug information, its debug link, build-id
folders, or a debuginfod server (DEBUGINFOD_URLS). What cannot be resolved, and
every line that is no dump, stays as it was."""

EPILOG = """\
  dmalloc-dump 4242 | dmalloc-symbolize
  dmalloc-symbolize heap.jsonl -o heap.lines.jsonl
  dmalloc-symbolize --sysroot /proc/4242/root heap.jsonl    a container's files
  dmalloc-symbolize --module myserver=/builds/77/myserver old.txt"""

# session_new+0x1d (myserver+0x411d), or without a name: myserver+0x411d
TEXT_FRAME = re.compile(
    r"^(?P<indent>\s+)(?:(?P<symbol>\S.*)\+0x[0-9a-f]+ (?=\())?"
    r"\(?(?P<module>[^()\s][^()]*)\+0x(?P<offset>[0-9a-f]+)\)?\s*$")
TEXT_HEADING = re.compile(r"^dmalloc \S+: (?P<program>.+?), pid (?P<pid>\d+), ")


class Modules:
    """Where the module of a text dump lies: it names only the file, not the folder.

    Looked up in turn: --module, the memory map of the process while it lives,
    the loader's cache, PATH.
    """

    def __init__(self, given):
        self._given = given              # name -> path
        self._process = {}               # name -> path
        self._cache = None

    def of_process(self, pid):
        """From here on the frames are those of process PID."""
        self._process = {}
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/maps", errors="replace") as maps:
                for line in maps:
                    path = line.split(None, 5)[-1].strip()
                    if path.startswith("/"):
                        self._process.setdefault(os.path.basename(path), path)

    def path(self, name):
        """(path of the module NAME or None, whether it is surely that file)."""
        if sure := self._given.get(name) or self._process.get(name):
            return sure, True
        return self._loader_cache().get(name) or shutil.which(name), False

    def _loader_cache(self):
        if self._cache is None:
            answer = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, check=False)
            self._cache = {}
            for line in answer.stdout.decode("utf-8", "replace").splitlines():
                name, _, path = line.strip().partition(" => ")
                if path:
                    self._cache.setdefault(os.path.basename(path), path)
                    self._cache.setdefault(name.split()[0], path)
        return self._cache


def annotate_json(line, resolver):
    """The JSON dump LINE (bytes) with lines in its frames; as it was if broken."""
    try:
        data = json.loads(line)
        frames = [frame for callsite in data["top"] for frame in callsite.get("frames", ())]
        modules = [(module["path"], module.get("build_id")) for module in data["modules"]]
        by_module = {}
        for frame in frames:
            number = frame.get("module")
            if isinstance(number, int) and 0 <= number < len(modules):
                by_module.setdefault(number, []).append(
                    (frame, int(frame["offset"], 16) - (not frame.get("interrupted"))))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return line
    for number, wanted in by_module.items():
        known = resolver.lines(*modules[number], [address for _, address in wanted])
        for frame, address in wanted:
            _add_lines(frame, known[address])
    ending = b"\n" if line.endswith(b"\n") else b""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode() + ending


def _add_lines(frame, places):
    """Puts PLACES, innermost first, into FRAME: the last is the frame's own."""
    if not places:
        return
    *inlined, own = places
    if "file" in own:
        frame["file"], frame["line"] = own["file"], own["line"]
    if "symbol" in own and not frame.get("symbol"):
        frame["symbol"] = own["symbol"]
    if inlined:
        frame["inlined"] = inlined


def annotate_text(lines, modules, resolver):
    """The lines of one text dump with places; those inlined get lines of their own."""
    frames = []                          # (index, match, path, sure, address)
    for index, line in enumerate(lines):
        if heading := TEXT_HEADING.match(line):
            modules.of_process(heading["pid"])
        elif match := TEXT_FRAME.match(line):
            path, sure = modules.path(match["module"])
            if path and (sure or match["symbol"]):
                frames.append((index, match, path, sure, int(match["offset"], 16) - 1))
    by_path = {}
    for _, _, path, _, address in frames:
        by_path.setdefault(path, []).append(address)
    known = {path: resolver.lines(path, None, addresses) for path, addresses in by_path.items()}
    out = list(lines)
    for index, match, path, sure, address in frames:
        places = known[path][address]
        if places and (sure or _agrees(match["symbol"], places[-1].get("symbol"))):
            out[index] = _text_frame(lines[index], match["indent"], places)
    return out


def _agrees(named, found):
    """False when the file at hand is surely another build: other function names.

    A text dump has no build ids; this is the check that is left where the file
    was only guessed. Of a mangled name the found name's last word is looked for.
    """
    if not found or named == found:
        return bool(found)
    words = re.findall(r"[A-Za-z_]{2,}", found.split("(")[0])
    return bool(words) and words[-1] in named


def _text_frame(line, indent, places):
    body = line.rstrip("\n")
    *inlined, own = places
    made = [f"{indent}{place.get('symbol', '??')} at {place['file']}:{place['line']} (inlined)"
            for place in inlined if "file" in place]
    made.append(f"{body} at {own['file']}:{own['line']}" if "file" in own else body)
    return "\n".join(made) + ("\n" if line.endswith("\n") else "")


def filter_stream(stream, write, modules, resolver, progress):
    """Copies STREAM's dumps to WRITE, annotated; at most one dump is held."""
    text = []                            # lines of the text dump under way
    position = number = 0

    def flush():
        if text:
            for line in annotate_text(text, modules, resolver):
                write(line.encode("utf-8", "surrogateescape"))
            text.clear()

    for line in iter(lambda: stream.readline(DUMP_MAX_BYTES), b""):
        position += len(line)
        if line.startswith(START):
            flush()
            write(annotate_json(line, resolver))
            number += 1
        else:
            if line.startswith(b">>>>>") or len(text) >= 100_000:
                flush()
                number += 1
            text.append(line.decode("utf-8", "surrogateescape"))
            if line.startswith(b"dmalloc itself:"):
                flush()
        progress.at(position, number)
    flush()
    progress.end()
    return number


def _module_option(text):
    name, _, path = text.partition("=")
    if not name or not os.path.isfile(path):
        raise ValueError(f'"{text}" is not NAME=PATH of a file')
    return name, path


def main():
    parser = cli.Parser(description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("dump", metavar="FILE", nargs="?", default="-", help="a dump; default: stdin")
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="default: stdout")
    parser.add_argument("--sysroot", metavar="DIR", default="",
                        help="look for files under DIR; /proc/PID/root is a container's root")
    parser.add_argument("--module", metavar="NAME=PATH", action="append", default=[],
                        type=cli.checked(_module_option), help="a text dump's module NAME is the file PATH")
    options = parser.parse_args()
    if options.sysroot and not glob.glob(os.path.join(glob.escape(options.sysroot), "*")):
        raise cli.Trouble(f"{options.sysroot}: no files under it")

    resolver = Resolver(options.sysroot)
    name = "stdin" if options.dump == "-" else options.dump
    with open_unpacked(options.dump, name) as source, cli.replacing(options.output) as write:
        number = filter_stream(source, write, Modules(dict(options.module)), resolver,
                               cli.Progress(size_of(source)))
    if not number:
        raise cli.Trouble(f"{name}: no dmalloc dump in it")
    if resolver.missing:
        names = sorted({os.path.basename(path) for path, _ in resolver.missing})
        cli.say(f"no file of the same build found for {', '.join(names[:5])}"
                + (f" and {len(names) - 5} more" if len(names) > 5 else ""))
