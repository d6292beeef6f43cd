"""Folded stacks: `program;main;a;b 4096`, root first, for flame graph tools."""

from .. import names
from ..weights import WEIGHTS


def convert(dumps, options):
    """Equal stacks are added up; lines are sorted, so that two files compare."""
    weigh = WEIGHTS[options.by or "bytes"].of
    folded = {}
    for dump in dumps:
        for callsite in dump.everything():
            weight = weigh(callsite, options.older_than)
            if weight > 0:
                stack = [dump.name, *reversed([name for name, _ in names.functions(callsite)])]
                line = ";".join(_clean(name) for name in stack)
                folded[line] = folded.get(line, 0) + weight
    return "".join(f"{stack} {weight}\n" for stack, weight in sorted(folded.items()))


def _clean(name):
    """NAME without the two characters that the format needs for itself."""
    return name.replace(";", ":").replace("\n", " ")
