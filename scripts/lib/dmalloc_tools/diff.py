"""dmalloc-diff: what grew between two dumps, callsite by callsite."""

import copy
import json

from . import cli, names, source, units

DESCRIPTION = """\
What grew between two dumps, by callsite, the largest change first.

A dump is FILE (its last dump), FILE:SEQ (dump number SEQ; -1 is the last) or
the PID of a running process. Callsites are matched by build id and offset, so
across restarts and address randomization; those that are left, by their
functions' names, so across a rebuild.

Where a dump lists only its largest callsites, one that it lacks is compared if it
has more than any that is not listed can have; the others are added up."""

EPILOG = """\
exit status: 0 no listed callsite differs, 1 some do, 2 trouble

  dmalloc-diff heap.jsonl:3 heap.jsonl:9
  dmalloc-diff monday.jsonl friday.jsonl
  dmalloc-diff heap.jsonl 4242"""


class Change:
    """A callsite before and after; either may be None. `unlisted` is how much the
    one that is None may have had all the same, in a dump that does not list all."""

    def __init__(self, old, new, unlisted=None):
        self.old = old
        self.new = new
        self.unlisted = unlisted
        self.bytes = (new.bytes if new else 0) - (old.bytes if old else 0)
        self.live = (new.live if new else 0) - (old.live if old else 0)

    @property
    def callsite(self):
        """The newer of the two."""
        return self.new or self.old

    @property
    def sure(self):
        """Whether it has more than an unlisted callsite can have."""
        return self.unlisted is None or self.callsite.bytes > self.unlisted


def merge(callsites, key):
    """{key: Callsite}: those of equal KEY added up (two stacks of one name, say)."""
    merged = {}
    for callsite in callsites:
        place = key(callsite)
        if place in merged:
            merged[place].live += callsite.live
            merged[place].bytes += callsite.bytes
        else:
            merged[place] = copy.copy(callsite)
    return merged


def lists_all(dump):
    return len(dump.callsites) >= dump.callsites_used


def most_unlisted(dump):
    """The most bytes that a callsite may have which DUMP does not list; None: it lists all."""
    if lists_all(dump):
        return None
    most = max(0, dump.totals["live_bytes"] - dump.listed_bytes)
    if dump.data.get("sort", "bytes") == "bytes" and not dump.data.get("min_age"):
        most = min([most, *(entry["bytes"] for entry in dump.data["top"])])
    return most


def changes(old, new):
    """The Changes between two Dumps, unchanged callsites too."""
    before, after = list(old.callsites), list(new.callsites)
    found = []
    for key in (names.exact_key, names.symbol_key):
        left, right = merge(before, key), merge(after, key)
        found += [Change(left[place], right[place]) for place in left if place in right]
        before = [callsite for callsite in before if key(callsite) not in right]
        after = [callsite for callsite in after if key(callsite) not in left]
    lost, had = most_unlisted(new), most_unlisted(old)
    return found + [Change(gone, None, lost) for gone in before] \
        + [Change(None, made, had) for made in after]


def _groups(differing, old, new):
    """The headings and their Changes. A list that is not whole is named so:
    a callsite that it lacks may only have been too small for it."""
    def missing(dump):
        return "" if lists_all(dump) else \
            f", or not among the {_listed(dump)} that dump {dump.seq} lists"

    both = [change for change in differing if change.old and change.new]
    return (
        ("grew", "Grew", [c for c in both if (c.bytes, c.live) > (0, 0)]),
        ("new", f"New{missing(old)}", [c for c in differing if not c.old]),
        ("shrank", "Shrank", [c for c in both if (c.bytes, c.live) < (0, 0)]),
        ("gone", f"Gone{missing(new)}", [c for c in differing if not c.new]))


def _listed(dump):
    return f"{len(dump.callsites):,} of {dump.callsites_used:,}"


def _lines(change, number):
    callsite = change.callsite
    verdict = f" -- {callsite.verdict}: {callsite.reason}" if change.new and callsite.verdict else ""
    was = ""
    if change.unlisted is not None or change.old and change.new:
        before, after = (units.size(side.bytes) if side else f"at most {units.size(change.unlisted)}"
                         for side in (change.old, change.new))
        was = f" ({before} -> {after})"
    yield f"{number:2}. {units.signed_size(change.bytes)} in {change.live:+,} allocations{was}{verdict}"
    for frame in callsite.frames:
        for line in names.frame_lines(frame):
            yield f"    {line}"


def text(old, new, differing, unlisted, limit):
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
    for name, dump, group in (("old", old, [c for c in unlisted if not c.old]),
                              ("new", new, [c for c in unlisted if not c.new])):
        if group:
            yield (f"Not listed in the {name} dump ({_listed(dump)}), so not compared: "
                   f"{units.plural(len(group), 'callsite')}, "
                   f"{units.size(abs(sum(change.bytes for change in group)))} in "
                   f"{abs(sum(change.live for change in group)):,} allocations")


def as_json(old, new, differing, unlisted):
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
        for name, _, group in _groups(differing, old, new)} | {
        "new_or_unlisted": [row(change) for change in unlisted if not change.old],
        "gone_or_unlisted": [row(change) for change in unlisted if not change.new]}


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
    changed = [change for change in changes(old, new) if change.bytes or change.live]
    measure = (lambda c: abs(c.bytes)) if options.sort == "bytes" else (lambda c: abs(c.live))
    changed.sort(key=measure, reverse=True)
    differing = [change for change in changed if change.sure]
    unlisted = [change for change in changed if not change.sure]
    if options.json:
        print(json.dumps(as_json(old, new, differing, unlisted)))
    else:
        for line in text(old, new, differing, unlisted, options.top):
            print(line)
    return 1 if differing else 0
