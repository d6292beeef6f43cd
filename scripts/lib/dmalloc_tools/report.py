"""dmalloc-report: one self-contained page that shows a file of dumps."""

import json
import os

from . import cli, history, source, units

DESCRIPTION = """\
One self-contained HTML page for a file of dumps; it needs no network.

Live bytes over time by age, a flame graph of what is live at the end that
filters by age, and the table of callsites. Restarts of a program follow each
other on one time line; processes side by side are chosen from a list."""

EPILOG = """\
  dmalloc-report heap.jsonl -o report.html
  dmalloc-symbolize heap.jsonl | dmalloc-report - -o report.html"""

HERE = os.path.join(os.path.dirname(__file__), "page")
# Where Debian's node-d3 and others' packages put it.
D3_PLACES = ("/usr/share/nodejs/d3/dist/d3.min.js", "/usr/lib/node_modules/d3/dist/d3.min.js",
             "/usr/local/lib/node_modules/d3/dist/d3.min.js")
LANES = 24                       # processes on one page, the largest
SITES = 8000                     # callsites on one page, the largest
TREND_POINTS = 48
LEVELS = "0123456789abcdefghijklmnopqrstuvwxyz"     # of a sparkline, one a point


class Stacks:
    """Stacks as a tree of frames: what they share is written once."""

    def __init__(self):
        self.frames = {}                 # (function, module, place) -> number
        self.nodes = {}                  # (frame, parent) -> number

    def leaf(self, stack):
        """The number of the node at the end of STACK (leaf first)."""
        node = -1
        for cell in reversed(stack):
            frame = self.frames.setdefault(cell, len(self.frames))
            node = self.nodes.setdefault((frame, node), len(self.nodes))
        return node

    def data(self):
        """For the page; a parent's number is less than its children's."""
        modules = sorted({module for _, module, _ in self.frames})
        return {"modules": modules,
                "frames": [[function, modules.index(module), *([place] if place else [])]
                           for function, module, place in self.frames],
                "nodes": [number for node in self.nodes for number in node]}


def trend(pieces, starts, count):
    """A sparkline: TREND_POINTS characters, a blank where nothing is known.

    PIECES are (run's number, [(number of the dump in the run, bytes)]), STARTS
    the number of each run's first dump among the COUNT of all.
    """
    levels = [None] * TREND_POINTS
    top = max((size for _, points in pieces for _, size in points), default=0) or 1
    previous = None
    for run, points in pieces:
        previous = None
        for index, size in points:
            place = (starts[run] + index) * (TREND_POINTS - 1) // max(1, count - 1)
            level = LEVELS[round(size * (len(LEVELS) - 1) / top)] if size > 0 else LEVELS[0]
            # Points that were thinned out or fewer than the characters: draw on.
            if previous is not None and place - previous <= max(2, 2 * TREND_POINTS // count + 1):
                levels[previous + 1:place] = [levels[previous]] * (place - previous - 1)
            levels[place] = level
            previous = place
    return "".join(level or " " for level in levels)


def lane_data(lane, stacks, limit):
    """One Lane for the page, with at most LIMIT callsites."""
    starts, count = [], 0
    for run in lane.runs:
        starts.append(count)
        count += run.count
    samples = [sample for run in lane.runs for _, sample in run.samples.points]
    sites = {}
    for number, run in enumerate(lane.runs):
        for key, site in run.sites.items():
            pieces = sites[key][1] if key in sites else []
            sites[key] = (number, [*pieces, (number, site.trend.points)], site)
    largest = sorted(sites.values(), key=lambda row: (row[0], row[2].last_index, row[2].peak),
                     reverse=True)[:limit]
    last_run = len(lane.runs) - 1
    dumps = lane.last
    return {
        "program": dumps.get("program", "?"), "host": dumps.get("host", ""),
        "pids": [run.last["pid"] for run in lane.runs], "dumps": count,
        "start": lane.runs[0].start, "uptime": dumps.get("uptime", 0), "seq": dumps.get("seq", 0),
        "totals": dumps["totals"], "rows": dumps["ages"], "sizes": dumps.get("sizes", []),
        "used": dumps["used"], "listed": dumps["listed"], "headline": dumps["headline"],
        "self": dumps.get("self", {}), "dropped": len(sites) - len(largest)
        + sum(run.dropped for run in lane.runs),
        "time": [round(sample[0], 3) for sample in samples],
        "seqs": [sample[1] for sample in samples], "live": [sample[2] for sample in samples],
        "bytes": [sample[3] for sample in samples], "counts": [sample[4] for sample in samples],
        "restarts": [[run.start, run.last["pid"]] for run in lane.runs[1:]],
        "asked": [event for run in lane.runs for event in run.asked],
        "sites": [site_data(site, run == last_run and site.last_index == lane.runs[run].count - 1,
                            stacks, trend(pieces, starts, count))
                  for run, pieces, site in largest]}


def site_data(site, listed, stacks, sparkline):
    """One callsite for the page. LISTED: the last dump has it."""
    last = site.last
    row = {"title": site.title, "node": stacks.leaf(site.stack), "trend": sparkline, "peak": site.peak}
    if listed:
        row |= {name: last[name] for name in (
            "live", "bytes", "ages", "age_bytes", "allocations", "allocated_bytes", "survived",
            "verdict", "reason", "growth_per_minute", "grown_bytes") if name in last}
    return row


def page(lanes, title):
    """The page as text."""
    jinja2 = cli.need("jinja2", "python3-jinja2")
    stacks = Stacks()
    room, shown = SITES, []
    for lane in lanes[:LANES]:
        shown.append(lane_data(lane, stacks, room))
        room -= len(shown[-1]["sites"])
    data = {"lanes": shown, "hidden": len(lanes) - len(shown), "levels": LEVELS} | stacks.data()
    # "<" would end the script element that the data stands in.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("report.html.j2").render(
        title=title, data=text, d3=_d3(), style=_part("report.css"),
        script="".join(_part(name) for name in ("common.js", "timeline.js", "flame.js", "table.js",
                                                "report.js")))


def _part(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def _d3():
    for place in D3_PLACES:
        if os.path.isfile(place):
            with open(place, encoding="utf-8") as file:
                return file.read()
    raise cli.Trouble("the chart library d3 is missing: apt install node-d3")


def main():
    parser = cli.Parser(description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("dump", metavar="FILE", help="a file of JSON dumps, - for stdin")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the page; - for stdout")
    parser.add_argument("--pid", type=cli.at_least(1), help="only this process")
    parser.add_argument("--title", help="default: the program's name")
    options = parser.parse_args()
    if source.is_pid(options.dump):
        dumps = enumerate([source.from_process(options.dump)])
    else:
        dumps = source.all_dumps(options.dump)
    lanes = history.gather((run, dump) for run, dump in dumps
                           if options.pid in (None, dump.pid))
    if not lanes:
        raise cli.Trouble(f"{options.dump}: no dump of process {options.pid} in it" if options.pid
                          else f"{options.dump}: no whole dump in it")
    title = options.title or f"{os.path.basename(lanes[0].last.get('program', '?'))}: live heap"
    text = page(lanes, title)
    cli.write_output(options.output, text)
    if options.output != cli.STDOUT:
        dumps = sum(run.count for lane in lanes for run in lane.runs)
        cli.say(f"{options.output}: {units.plural(dumps, 'dump')} in {units.size(len(text))}")
    return 0
