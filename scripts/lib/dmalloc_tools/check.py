"""dmalloc-check: a gate for CI on what a program still holds."""

import fnmatch
import re
import xml.etree.ElementTree as xml

from . import cli, names, source, units, weights
from .dump import VERDICTS

DESCRIPTION = """\
Fails when callsites hold more than they may: for CI.

What counts is chosen by --older-than, --verdict and --suppressions; a callsite
fails when what counts of it exceeds --max-bytes or --max-count (each 0 unless
one of them is given). --max-total bounds the sum. Of each process in the file
the last dump is looked at. For a whole picture make that dump with
DMALLOC_TOP=all and DMALLOC_AT_EXIT=1."""

EPILOG = """\
exit status: 0 all is within bounds, 1 something is not, 2 trouble

  dmalloc-check heap.jsonl --max-bytes 64KiB --older-than 100
  dmalloc-check heap.jsonl --verdict growing --suppressions leaks.supp
  dmalloc-check heap.jsonl --max-bytes 1MiB --junit heap.xml"""


class Suppressions:
    """leak:PATTERN lines, as LeakSanitizer reads them.

    A pattern matches anywhere in a function's name, a module's path or a
    source path; `*` stands for any text, `^` and `$` tie it to an end.
    """

    def __init__(self, path=None):
        self.patterns = []               # (pattern, compiled)
        self.used = {}                   # pattern -> [callsites, blocks, bytes]
        for number, line in enumerate(_read_lines(path) if path else (), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            kind, colon, pattern = line.partition(":")
            if kind != "leak" or not colon or pattern in ("", "^", "$", "^$"):
                raise cli.Trouble(f'{path}: line {number}: "{line}" is not leak:PATTERN')
            self.patterns.append((pattern, _compile(pattern)))

    def match(self, callsite):
        """The first pattern that matches a frame of CALLSITE, or None."""
        texts = {text for frame in callsite.frames for line in (frame, *frame.inlined)
                 for text in (line.symbol, names.demangle(line.symbol), line.file, frame.path)
                 if text}
        for pattern, compiled in self.patterns:
            if any(compiled.search(text) for text in texts):
                return pattern
        return None

    def count(self, pattern, callsite):
        """Notes that PATTERN took CALLSITE away."""
        row = self.used.setdefault(pattern, [0, 0, 0])
        row[0] += 1
        row[1] += callsite.live
        row[2] += callsite.bytes


def _read_lines(path):
    with cli.naming(path), cli.open_input(path) as file:
        return file.read().decode("utf-8", "replace").splitlines()


def _compile(pattern):
    """A regular expression that searches for PATTERN."""
    start, end = pattern.startswith("^"), pattern.endswith("$")
    body = pattern[start:len(pattern) - end]
    return re.compile(("^" if start else "")
                      + ".*".join(re.escape(part) for part in body.split("*"))
                      + ("$" if end else ""))


class Finding:
    """What counts of one callsite, and why it fails ("" if it does not)."""

    def __init__(self, callsite, live, size, why):
        self.callsite = callsite
        self.live = live
        self.bytes = size
        self.why = why


def examine(dump, options, suppressions):
    """The Findings of DUMP, failing or not, the largest first."""
    findings = []
    for callsite in dump.callsites:
        pattern = suppressions.match(callsite)
        if pattern:
            suppressions.count(pattern, callsite)
            continue
        if options.verdict and callsite.verdict not in options.verdict:
            continue
        counted = callsite.older(options.older_than)
        if counted is None:
            raise cli.Trouble(f"dump {dump.seq} of pid {dump.pid} has no ages for callsites: "
                              "--older-than cannot be applied")
        live, size = counted
        reasons = []
        if options.max_bytes is not None and size > options.max_bytes:
            reasons.append(f"{units.size(size)} is over {units.size(options.max_bytes)}")
        if options.max_count is not None and live > options.max_count:
            reasons.append(f"{units.plural(live, 'block')} is over {options.max_count:,}")
        findings.append(Finding(callsite, live, size, " and ".join(reasons)))
    return sorted(findings, key=lambda finding: -finding.bytes)


def summary(dump, findings, options, suppressions):
    """The lines for people, in the manner of a leak checker."""
    failing = [finding for finding in findings if finding.why]
    which = f" ({options.older_than:g} s and older)" if options.older_than else ""
    for finding in failing:
        verdict = f", {finding.callsite.verdict}: {finding.callsite.reason}" \
            if finding.callsite.verdict else ""
        yield (f"Live: {finding.bytes:,} byte(s) in {finding.live:,} block(s){which}"
               f"{verdict}, from:")
        number = 0
        for frame in finding.callsite.frames:
            for line in names.frame_lines(frame):
                yield f"    #{number} {line}"
                number += 1
        yield ""
    if suppressions.used:
        yield "Suppressed:"
        for pattern, (sites, live, size) in sorted(suppressions.used.items()):
            yield f"    {units.size(size):>10} in {live:,} blocks at {sites:,} callsites: {pattern}"
        yield ""
    size = sum(finding.bytes for finding in failing)
    live = sum(finding.live for finding in failing)
    yield (f"SUMMARY: {dump.summary()}: {units.plural(len(failing), 'callsite')} over the limit, "
           f"{size:,} byte(s) in {live:,} block(s){which}.")


def total_trouble(dump, findings, options):
    """Why the sum fails, or an empty string."""
    total = sum(finding.bytes for finding in findings)
    if not options.older_than and not options.verdict:
        total += max(0, dump.totals["live_bytes"] - dump.listed_bytes)
    if options.max_total is None or total <= options.max_total:
        return ""
    return f"{units.size(total)} in all is over {units.size(options.max_total)}"


def junit(results):
    """JUnit XML: a suite for each process, a case for each callsite."""
    root = xml.Element("testsuites", name="dmalloc-check")
    for dump, findings, total in results:
        failures = sum(bool(finding.why) for finding in findings) + bool(total)
        suite = xml.SubElement(root, "testsuite", name=f"dmalloc.{_clean(dump.name)}",
                               tests=str(len(findings) + 1), failures=str(failures),
                               hostname=_clean(dump.host), timestamp=_clean(dump.data.get("time", "")))
        rows = [(_clean(names.title(finding.callsite)), finding.why,
                 "\n".join(names.frame_text(frame) for frame in finding.callsite.frames))
                for finding in findings]
        for name, why, stack in [*rows, ("all callsites", total, "")]:
            case = xml.SubElement(suite, "testcase", classname=f"{_clean(dump.name)}.{dump.pid}",
                                  name=name)
            if why:
                xml.SubElement(case, "failure", message=_clean(why)).text = _clean(stack)
    xml.indent(root)
    return xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text):
    """TEXT without what XML cannot hold."""
    return re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", str(text))


def _warn_of_short_list(dump):
    rest = dump.totals["live_bytes"] - dump.listed_bytes
    if rest > 0 and len(dump.callsites) < dump.callsites_used:
        cli.say(f"dump {dump.seq} of pid {dump.pid} lists {len(dump.callsites)} of "
                f"{dump.callsites_used:,} callsites; {units.size(rest)} in the others was not "
                "looked at (DMALLOC_TOP=all lists every one)")


def _verdicts(text):
    chosen = text.split(",")
    for word in chosen:
        if word not in VERDICTS:
            raise ValueError(f'"{word}" is not a verdict: {", ".join(VERDICTS)}')
    return chosen


def main():
    size, seconds = cli.checked(units.parse_size), cli.checked(units.parse_seconds)
    parser = cli.Parser(description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("dump", metavar="FILE", help=source.HELP)
    parser.add_argument("--max-bytes", type=size, metavar="N", help="for one callsite: 4096, 64KiB, 1MiB")
    parser.add_argument("--max-count", type=cli.at_least(0), metavar="N", help="blocks for one callsite")
    parser.add_argument("--max-total", type=size, metavar="N", help="for all callsites together")
    parser.add_argument("--older-than", type=seconds, default=0, metavar="S",
                        help="only blocks at least this old: 1, 10, 100 or 1000 seconds")
    parser.add_argument("--verdict", type=cli.checked(_verdicts), metavar="V[,V]",
                        help="only callsites of these verdicts: " + ", ".join(VERDICTS))
    parser.add_argument("--suppressions", metavar="FILE", help="leak:PATTERN lines, as LeakSanitizer's")
    parser.add_argument("--pid", type=cli.at_least(1), help="only this process")
    parser.add_argument("--program", metavar="GLOB", help="only processes of this program")
    parser.add_argument("--junit", metavar="FILE", help="write the result as JUnit XML, too")
    parser.add_argument("--quiet", action="store_true", help="only the summary")
    options = parser.parse_args()
    if not any((options.max_bytes is not None, options.max_count is not None,
                options.max_total is not None, options.older_than, options.verdict)):
        raise cli.Trouble("nothing to check: give --max-bytes, --max-count, --max-total, "
                          "--older-than or --verdict")
    if options.max_bytes is None and options.max_count is None and options.max_total is None:
        options.max_bytes = options.max_count = 0

    suppressions = Suppressions(options.suppressions)
    chosen = [dump for dump in source.each(options.dump, options.pid, newest=True)
              if not options.program or fnmatch.fnmatch(dump.name, options.program)]
    if not chosen:
        raise cli.Trouble(f"{options.dump}: no dump of a program like {options.program}")
    weights.settle_age(options, chosen)
    results = []
    for dump in chosen:
        findings = examine(dump, options, suppressions)
        _warn_of_short_list(dump)
        results.append((dump, findings, total_trouble(dump, findings, options)))
        lines = list(summary(dump, findings, options, suppressions))
        print("\n".join(lines[-1:] if options.quiet else lines))
        if results[-1][2]:
            print(f"SUMMARY: {results[-1][2]}.")
        suppressions.used.clear()
    if options.junit:
        cli.write_output(options.junit, junit(results))
    return int(any(total or any(finding.why for finding in findings)
                   for _, findings, total in results))
