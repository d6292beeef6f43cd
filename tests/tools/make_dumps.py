#!/usr/bin/python3
"""Writes plausible dumps: input for the tests of the tools.

A made-up server whose callsites have known behaviour: a birth rate, a span of
time in which blocks are born, and a lifetime. Everything in a dump follows from
these in closed form, so the books balance in every line and the tests know the
truth. `history()` gives the dumps as dicts; run as a script it writes lines.
"""

import argparse
import calendar
import json
import math
import random
import sys
import time

AGES = (0, 1, 10, 100, 1000, math.inf)
SIZES = (0, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, math.inf)
START = "2026-11-23T01:20:47Z"
MODULES = (("/srv/myserver", "9f3c0d1e5a7b42c8d6e1f0a9b8c7d6e5f4a3b2c1", 0x55d0c1a00000),
           ("/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
            "1b2c3d4e5f60718293a4b5c6d7e8f90112233445", 0x7f20a4000000),
           ("/usr/lib/x86_64-linux-gnu/libc.so.6",
            "a1b2c3d4e5f60718293a4b5c6d7e8f9011223344", 0x7f20a8000000))
VERBS = ("parse", "read", "accept", "route", "render", "encode", "decode", "open", "load",
         "store", "merge", "index", "push", "build", "clone", "sign")
NOUNS = ("request", "session", "header", "cookie", "page", "cache", "table", "row", "buffer",
         "token", "plan", "query", "record", "packet", "tree", "config")


class Behaviour:
    """Blocks of `size` bytes, `rate` a second born in [begin, end), each living `life` s."""

    def __init__(self, kind, size, rate, begin=0.0, end=math.inf, life=math.inf):
        self.kind = kind
        self.size = size
        self.rate = rate
        self.begin = begin
        self.end = end
        self.life = life

    def born(self, start, end):
        """Blocks born in [START, END), whole ones."""
        start, end = max(start, self.begin), min(end, self.end)
        return math.floor(self.rate * (end - self.begin)) \
            - math.floor(self.rate * (start - self.begin)) if end > start else 0

    def live(self, now, youngest, oldest):
        """Blocks alive at NOW whose age is in [YOUNGEST, OLDEST)."""
        oldest = min(oldest, self.life)
        return self.born(now - oldest, now - youngest) if oldest > youngest else 0

    def reached(self, now, age):
        """Blocks born that are known to have reached AGE seconds at NOW."""
        return self.born(0, now - age) if self.life > age else 0


def behaviours(count, seed):
    """COUNT behaviours: the leak, a cache, a start-up table, a churning one, and others."""
    chance = random.Random(seed)
    fixed = [Behaviour("growing", 2048, 16.0, begin=3),
             Behaviour("steady", 512, 40.0, life=400),
             Behaviour("startup", 4096, 1500.0, end=2.5),
             Behaviour("churn", 64, 9000.0, life=0.4)]
    kinds = (lambda: Behaviour("growing", chance.choice((24, 96, 300)), chance.uniform(.02, .3)),
             lambda: Behaviour("steady", chance.choice((48, 1000, 8000)), chance.uniform(.1, 4),
                               life=chance.uniform(20, 600)),
             lambda: Behaviour("startup", chance.choice((16, 200, 5000)),
                               chance.uniform(5, 300), end=chance.uniform(.2, 2)),
             lambda: Behaviour("churn", chance.choice((2, 6, 32, 700)), chance.uniform(5, 900),
                               life=chance.uniform(.01, .9)))
    return (fixed + [chance.choices(kinds, (1, 4, 5, 6))[0]() for _ in range(count)])[:count]


def stack(number, seed):
    """The frames of callsite NUMBER, leaf first; near numbers share their callers."""
    first = [("session_new", 29, 0, 0x4100), ("accept_loop", 0x88, 0, 0x4380),
             ("main", 0x44, 0, 0x1200)]
    if number == 0:
        chain = first
    else:
        chain = [("main", 0x44, 0, 0x1200), ("event_loop", 0x210, 0, 0x1400)]
        for level in range(2, 5 + number % 9):
            # The upper levels depend on fewer digits of the number: a tree.
            digits = number >> max(0, 8 - 2 * level) if level < 6 else number
            chance = random.Random(f"{seed}/{level}/{digits % (1 << 2 * level)}")
            name = f"{chance.choice(VERBS)}_{chance.choice(NOUNS)}"
            if level > 3:
                name += f"_{chance.randrange(99)}"
            if chance.random() < .1:
                name = f"_ZN3app{len(name)}{name}Ei"
            module = 1 if chance.random() < .1 else 0
            chain.append((None if chance.random() < .03 else name, chance.randrange(4, 400),
                          module, 0x2000 + 0x40 * chance.randrange(1 << 14)))
        leaf = f"{NOUNS[number % len(NOUNS)]}_new"               # makes the stack its own
        chain.append((leaf, 16 + number, 0, 0x200000))
        chain = [*reversed(chain)]
    frames = []
    for symbol, inside, module, offset in chain:
        offset += inside
        frame = {"ip": hex(MODULES[module][2] + offset), "module": module, "offset": hex(offset)}
        if symbol:
            frame |= {"symbol": symbol, "symbol_offset": inside}
        frames.append(frame)
    return frames


def rows(bounds, cells):
    """Rows of a dump: CELLS[i] = (live, bytes) between BOUNDS[i] and BOUNDS[i + 1]."""
    return [{"from": low, "to": None if high == math.inf else high, "live": live, "bytes": size}
            for low, high, (live, size) in zip(bounds, bounds[1:], cells)]


def entry(number, what, now, before, frames, verdicts):
    """One callsite of the list, as it stands at NOW; the dump before was at BEFORE."""
    ages = [what.live(now, low, high) for low, high in zip(AGES, AGES[1:])]
    live = sum(ages)
    born = what.born(0, now)
    made = {"id": number + 1, "live": live, "bytes": live * what.size,
            "allocations": born, "frees": born - live, "allocated_bytes": born * what.size,
            "reallocs_in_place": 0, "reallocs_moved": 0,
            "grown_bytes": (live - what.live(before, 0, math.inf)) * what.size}
    if verdicts:
        growth = int(what.rate * what.size * 60) if what.kind == "growing" else 0
        reason = {"growing": f"+{growth / 1024:.1f}KiB a minute in blocks of 100 s and more",
                  "steady": "a plateau: as much freed as made", "churn": "nothing gets old",
                  "startup": "all born in the first seconds"}[what.kind]
        verdict = what.kind if now >= 100 else "too early"
        made |= {"ages": ages, "age_bytes": [age * what.size for age in ages],
                 "survived": [what.reached(now, age) for age in (1, 10, 100, 1000)],
                 "verdict": verdict, "growth_per_minute": growth if verdict == "growing" else 0,
                 "reason": reason if now >= 100 else "not enough seen"}
    return made | {"frames": frames}


def history(dumps=20, callsites=40, top=10, interval=5.0, pid=4242, seed=1, verdicts=True,
            start=START, host="web1", program="/srv/myserver"):
    """Yields DUMPS dumps, INTERVAL s apart, of a program with CALLSITES callsites."""
    kinds = behaviours(callsites, seed)
    stacks = [stack(number, seed) for number in range(callsites)]
    began = calendar.timegm(time.strptime(start, "%Y-%m-%dT%H:%M:%SZ"))
    peak = 0
    for seq in range(1, dumps + 1):
        now, before = seq * interval, (seq - 1) * interval
        ages = [[0, 0] for _ in AGES[1:]]
        sizes = [[0, 0] for _ in SIZES[1:]]
        total = {"allocations": 0, "frees": 0, "live": 0, "live_bytes": 0, "allocated_bytes": 0}
        order = []
        for number, what in enumerate(kinds):
            cells = [what.live(now, low, high) for low, high in zip(AGES, AGES[1:])]
            live, born = sum(cells), what.born(0, now)
            size_row = max(i for i, low in enumerate(SIZES[:-1]) if what.size >= low)
            for row, count in [*zip(ages, cells), (sizes[size_row], live)]:
                row[0] += count
                row[1] += count * what.size
            for name, value in (("allocations", born), ("frees", born - live), ("live", live),
                                ("live_bytes", live * what.size),
                                ("allocated_bytes", born * what.size)):
                total[name] += value
            order.append((-live * what.size, number))
        peak = max(peak, total["live_bytes"])
        moment = began + now
        yield {
            "dmalloc": 1, "seq": seq, "trigger": "timer",
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
                    + f".{int(moment * 1000) % 1000:03d}Z",
            "uptime": now, "pid": pid, "program": program, "host": host,
            "totals": total | {"peak_bytes": peak, "reallocs_in_place": 1204,
                               "reallocs_moved": 88, "foreign_frees": 0},
            "ages": rows(AGES, ages), "sizes": rows(SIZES, sizes),
            "callsites": {"cap": 65536, "used": callsites, "other_live": 0, "other_bytes": 0},
            "top": [entry(number, kinds[number], now, before, stacks[number], verdicts)
                    for _, number in sorted(order)[:top]],
            "modules": [{"path": path, "build_id": build_id, "base": hex(base)}
                        for path, build_id, base in MODULES],
            "self": {"table_bytes": 22439526, "threads": 5, "unwind_failed": 0, "stacks_cut": 0,
                     "dumps_cut": 0}}


def write(path, dumps):
    """Writes DUMPS to PATH, one a line, as dmalloc does: without a blank."""
    with open(path, "w", encoding="utf-8") as file:
        for dump in dumps:
            file.write(json.dumps(dump, separators=(",", ":")) + "\n")


def main():
    """Writes a history to stdout."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name, default in (("dumps", 20), ("callsites", 40), ("top", 10), ("pid", 4242),
                          ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--no-verdicts", dest="verdicts", action="store_false")
    for dump in history(**vars(parser.parse_args())):
        sys.stdout.write(json.dumps(dump, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
