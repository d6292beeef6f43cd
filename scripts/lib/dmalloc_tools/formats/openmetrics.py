"""OpenMetrics text: what Prometheus scrapes or a textfile collector reads.

Sizes are bytes, times seconds. Labels: `program` (base name) and `pid` on every
series; `from` and `to` (seconds, or bytes for sizes) on rows. Only the listed
callsites get series of their own, so the number of series has a bound.
"""

from .. import names
from ..dump import OLD_SECONDS, VERDICTS


class _Family:
    """A metric family in the making."""

    def __init__(self, name, kind, text):
        self.name = name
        self.kind = kind
        self.text = text
        self.samples = []

    def lines(self):
        """The family as text; nothing when it has no sample."""
        if not self.samples:
            return ""
        head = f"# TYPE {self.name} {self.kind}\n"
        if self.name.endswith(("_bytes", "_seconds")):
            head += f"# UNIT {self.name} {self.name.rsplit('_', 1)[1]}\n"
        return f"{head}# HELP {self.name} {self.text}\n" + "".join(self.samples)


class _Families:
    def __init__(self):
        self.families = {}

    def add(self, name, kind, text, value, labels):
        """One sample; counters get their suffix."""
        family = self.families.setdefault(name, _Family(name, kind, text))
        pairs = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        suffix = "_total" if kind == "counter" else ""
        family.samples.append(f"{name}{suffix}{{{pairs}}} {value}\n")

    def text(self):
        """All families, and the end that the format asks for."""
        return "".join(family.lines() for family in self.families.values()) + "# EOF\n"


def _escape(label):
    return str(label).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _bound(value):
    return "+Inf" if value is None else str(value)


TOTALS = (
    ("live_bytes", "live_bytes", "gauge", "Bytes in live blocks, as asked for by the program."),
    ("live_allocations", "live", "gauge", "Live blocks."),
    ("peak_bytes", "peak_bytes", "gauge", "Highest live bytes since the start."),
    ("allocations", "allocations", "counter", "Blocks handed out."),
    ("frees", "frees", "counter", "Blocks taken back."),
    ("allocated_bytes", "allocated_bytes", "counter", "Bytes handed out."),
    ("foreign_frees", "foreign_frees", "counter", "Frees of blocks not handed out under dmalloc."),
)


def convert(dumps, options):
    """All DUMPS in one exposition."""
    families = _Families()
    for dump in dumps:
        labels = {"program": dump.name, "pid": dump.pid}
        _process(families, dump, labels)
        _callsites(families, dump, labels, options.top)
    return families.text()


def _process(families, dump, labels):
    def gauge(name, text, value, more=()):
        families.add(f"dmalloc_{name}", "gauge", text, value, labels | dict(more))

    gauge("uptime_seconds", "Time since the process started.", dump.uptime)
    gauge("dump_timestamp_seconds", "When the dump was made, since 1970.", f"{dump.time:.3f}")
    for name, field, kind, text in TOTALS:
        if field in dump.totals:
            families.add(f"dmalloc_{name}", kind, text, dump.totals[field], labels)
    for way in ("in_place", "moved"):
        if f"reallocs_{way}" in dump.totals:
            families.add("dmalloc_reallocs", "counter", "Reallocations by what became of the block.",
                         dump.totals[f"reallocs_{way}"], labels | {"way": way})
    for name, what, rows in (("age", "age in seconds", dump.ages), ("size", "size", dump.sizes)):
        for row in rows:
            bounds = {"from": row["from"], "to": _bound(row["to"])}
            gauge(f"{name}_allocations", f"Live blocks by {what}.", row["live"], bounds)
    for row in dump.ages:
        gauge("age_bytes", "Live bytes by age in seconds.", row["bytes"],
              {"from": row["from"], "to": _bound(row["to"])})
    gauge("callsites", "Callsites known.", dump.callsites_used)
    if "table_bytes" in dump.self:
        gauge("self_bytes", "Memory that the profiler itself holds.", dump.self["table_bytes"])


def _callsites(families, dump, labels, top):
    def gauge(name, text, value, more):
        families.add(f"dmalloc_{name}", "gauge", text, value, labels | more)

    taken = {}
    for callsite in sorted(dump.callsites, key=lambda callsite: -callsite.bytes)[:top]:
        name = names.title(callsite)
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:              # a series has to have a name of its own
            name += f" #{taken[name]}"
        which = {"callsite": name}
        gauge("callsite_bytes", "Live bytes of the largest callsites.", callsite.bytes, which)
        gauge("callsite_allocations", "Live blocks of the largest callsites.", callsite.live, which)
        if old := callsite.older(OLD_SECONDS):
            gauge("callsite_old_bytes", f"Of those, bytes in blocks of {OLD_SECONDS} s and more.",
                  old[1], which)
        if callsite.growth is not None:
            gauge("callsite_growth_bytes_per_minute", "Rate of growth of old blocks.",
                  callsite.growth, which)
    if any(callsite.verdict for callsite in dump.callsites):
        for verdict in VERDICTS:
            gauge("verdict_callsites", "Listed callsites by verdict.",
                  sum(callsite.verdict == verdict for callsite in dump.callsites),
                  {"verdict": verdict})
