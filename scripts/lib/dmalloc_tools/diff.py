"""dmalloc-diff: what grew between two dumps, callsite by callsite."""

import json

from . import cli, names, source, units

DESCRIPTION = """\
What grew between two dumps, by callsite, the largest change first.

A dump is FILE (its last dump), FILE:SEQ (dump number SEQ; -1 is the last) or
the PID of a running process. Callsites are matched by build id and offset, so
across restarts and address randomization; those that are left, by their
functions' names, so across a rebuild."""

EPILOG = """\
exit status: 0 no callsite differs, 1 some do, 2 trouble

  dmalloc-diff heap.jsonl:3 heap.jsonl:9
  dmalloc-diff monday.jsonl friday.jsonl
  dmalloc-diff heap.jsonl 4242"""


class Change:
    """A callsite before and after; either may be None."""

    def __init__(self, old, new):
        self.old = old
        self.new = new
        self.bytes = (new.bytes if new else 0) - (old.bytes if old else 0)
        self.live = (new.live if new else 0) - (old.live if old else 0)

    @property
    def callsite(self):
        """The newer of the two."""
        return self.new or self.old


def merge(callsites, key):
    """{key: Callsite}: those of equal KEY added up (two stacks of one name, say)."""
    merged = {}
    for callsite in callsites:
        place = key(callsite)
        if place in merged:
            first = merged[place]
            first.live += callsite.live
            first.bytes += callsite.bytes
        else:
            merged[place] = callsite
    return merged


def changes(old, new):
    """The Changes between two Dumps, unchanged callsites too."""
    before, after = list(old.callsites), list(new.callsites)
    found = []
    for key in (names.exact_key, names.symbol_key):
        left, right = merge(before, key), merge(after, key)
        found += [Change(left[place], right[place]) for place in left if place in right]
        before = [left[place] for place in left if place not in right]
        after = [right[place] for place in right if place not in left]
    return found + [Change(gone, None) for gone in before] + [Change(None, made) for made in after]


def _groups(differing, old, new):
    """The headings and their Changes. A list that is not whole is named so:
    a callsite that it lacks may only have been too small for it."""
    def missing(dump):
        listed = len(dump.callsites)
        return "" if listed >= dump.callsites_used else \
            f", or not among the {listed} of {dump.callsites_used} that dump {dump.seq} lists"

    both = [change for change in differing if change.old and change.new]
    return (
        ("grew", "Grew", [c for c in both if (c.bytes, c.live) > (0, 0)]),
        ("new", f"New{missing(old)}", [c for c in differing if not c.old]),
        ("shrank", "Shrank", [c for c in both if (c.bytes, c.live) < (0, 0)]),
        ("gone", f"Gone{missing(new)}", [c for c in differing if not c.new]))


def _lines(change, number):
    callsite = change.callsite
    verdict = f" -- {callsite.verdict}: {callsite.reason}" if change.new and callsite.verdict else ""
    was = f" ({units.size(change.old.bytes)} -> {units.size(change.new.bytes)})" \
        if change.old and change.new else ""
    yield f"{number:2}. {units.signed_size(change.bytes)} in {change.live:+,} allocations{was}{verdict}"
    for frame in callsite.frames:
        for line in names.frame_lines(frame):
            yield f"    {line}"


def text(old, new, differing, limit):
    """The comparison for people: a heading, then each group."""
    yield f"old: {old.summary()}"
    yield f"new: {new.summary()}"
    totals, before = new.totals, old.totals
    yield (f"live: {units.size(before['live_bytes'])} -> {units.size(totals['live_bytes'])}, "
           f"{units.signed_size(totals['live_bytes'] - before['live_bytes'])} in "
           f"{totals['live'] - before['live']:+,} allocations")
    for row, was in zip(new.ages, old.ages):
        yield (f"  {units.age_label(row):11} {units.size(was['bytes']):>9} -> "
               f"{units.size(row['bytes']):>9}  {units.signed_size(row['bytes'] - was['bytes']):>10} "
               f"in {row['live'] - was['live']:+,}")
    for _, heading, group in _groups(differing, old, new):
        if group:
            yield f"{heading}: {units.plural(len(group), 'callsite')}"
        for number, change in enumerate(group[:limit], 1):
            yield from _lines(change, number)
        if len(group) > limit:
            rest = sum(change.bytes for change in group[limit:])
            yield f"    {len(group) - limit:,} more, {units.signed_size(rest)} (--top {len(group)})"
    if not differing:
        yield "No listed callsite differs."


def as_json(old, new, differing):
    """The comparison as one JSON object; `frames` leaf first."""
    def side(dump):
        return {name: getattr(dump, name) for name in ("pid", "seq", "program", "host")} | {
            "time": dump.data.get("time"), "totals": dump.totals, "ages": dump.ages}

    def row(change):
        return {"bytes": change.bytes, "live": change.live,
                "old_bytes": change.old.bytes if change.old else 0,
                "old_live": change.old.live if change.old else 0,
                "verdict": change.callsite.verdict if change.new else "",
                "frames": [names.frame_text(frame) for frame in change.callsite.frames]}

    return {"old": side(old), "new": side(new)} | {
        name: [row(change) for change in group]
        for name, _, group in _groups(differing, old, new)}


def main():
    parser = cli.Parser(description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("old", metavar="OLD", help=source.HELP)
    parser.add_argument("new", metavar="NEW", help="the same")
    parser.add_argument("--pid", type=cli.at_least(1), help="the process, where a file holds several")
    parser.add_argument("--top", type=cli.at_least(0), default=10, metavar="N",
                        help="callsites shown in each group (default: 10)")
    parser.add_argument("--sort", choices=("bytes", "count"), default="bytes",
                        help="order by change in bytes (default) or in blocks")
    parser.add_argument("--json", action="store_true", help="one JSON object, all callsites")
    options = parser.parse_args()

    old, new = source.one(options.old, options.pid), source.one(options.new, options.pid)
    differing = [change for change in changes(old, new) if change.bytes or change.live]
    measure = (lambda c: abs(c.bytes)) if options.sort == "bytes" else (lambda c: abs(c.live))
    differing.sort(key=measure, reverse=True)
    if options.json:
        print(json.dumps(as_json(old, new, differing)))
    else:
        for line in text(old, new, differing, options.top):
            print(line)
    return 1 if differing else 0
