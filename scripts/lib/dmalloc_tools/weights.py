"""What a callsite weighs in a flame graph or a profile."""

from . import cli


class Weight:
    """A measure of a callsite; `unit` as speedscope names it."""

    def __init__(self, title, unit, of):
        self.title = title
        self.unit = unit
        self.of = of                     # (callsite, seconds) -> number


def older(callsite, seconds):
    """(blocks, bytes) at least SECONDS old; Trouble when the dump cannot tell."""
    counted = callsite.older(seconds)
    if counted is None:
        raise cli.Trouble(f"dump {callsite.dump.seq} of pid {callsite.dump.pid} has no ages for "
                          "callsites: --older-than cannot be applied")
    return counted


def settle_age(options, dumps):
    """Makes --older-than of OPTIONS the next beginning of an age row that all DUMPS have."""
    for dump in dumps if options.older_than else ():
        starts = [row["from"] for row in dump.ages]
        wanted = options.older_than
        options.older_than = min((start for start in starts if start >= wanted), default=None)
        if options.older_than is None:
            raise cli.Trouble(f"--older-than {wanted:g}: the oldest row of a dump begins at "
                              f"{max(starts, default=0)} s")
        if wanted not in starts:
            cli.say(f"--older-than {wanted:g}: a dump keeps rows; counting blocks of "
                    f"{options.older_than} s and more")


WEIGHTS = {
    "bytes": Weight("live bytes", "bytes", lambda callsite, age: older(callsite, age)[1]),
    "count": Weight("live blocks", "none", lambda callsite, age: older(callsite, age)[0]),
    "allocated-bytes": Weight("bytes ever allocated", "bytes",
                              lambda callsite, _: callsite.data.get("allocated_bytes", 0)),
    "allocations": Weight("allocations ever", "none",
                          lambda callsite, _: callsite.data.get("allocations", 0)),
}
