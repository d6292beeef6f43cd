"""speedscope's JSON file format: a `sampled` profile for each measure."""

import json

from .. import names
from ..weights import WEIGHTS

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def convert(dumps, options):
    """One file; for each process a profile for each measure, live bytes first."""
    frames, numbers = [], {}

    def number(name, line):
        key = (name, line.file, line.line)
        if key not in numbers:
            numbers[key] = len(frames)
            frames.append({"name": name} | (
                {"file": line.file, "line": line.line} if line.file else {}))
        return numbers[key]

    profiles = []
    for dump in dumps:
        stacks = [_stack(callsite, number) for callsite in dump.everything()]
        for key in [options.by] if options.by else WEIGHTS:
            profiles.append(_profile(dump, WEIGHTS[key], options.older_than, stacks))
    return json.dumps({"$schema": SCHEMA, "exporter": "dmalloc-export", "activeProfileIndex": 0,
                       "name": dumps[0].summary(), "shared": {"frames": frames},
                       "profiles": profiles}) + "\n"


def _stack(callsite, number):
    """The numbers of the frames of CALLSITE, root first."""
    found = []
    for frame in callsite.frames:
        found += [number(names.demangle(line.symbol) or "??", line) for line in frame.inlined]
        found.append(number(names.function(frame), frame))
    return found[::-1]


def _profile(dump, weight, older_than, stacks):
    weights = [weight.of(callsite, older_than) for callsite in dump.everything()]
    rows = [(stack, value) for stack, value in zip(stacks, weights) if value > 0]
    age = f" of {older_than:g} s and more" if older_than else ""
    return {"type": "sampled", "name": f"{dump.name} {dump.pid}: {weight.title}{age}",
            "unit": weight.unit, "startValue": 0, "endValue": sum(value for _, value in rows),
            "samples": [stack for stack, _ in rows], "weights": [value for _, value in rows]}
