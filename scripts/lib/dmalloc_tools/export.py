"""dmalloc-export: a dump in the formats of other tools."""

import importlib
import signal
import sys
import time

from . import ask, cli, source, units, weights

DESCRIPTION = """\
A dump in the formats of other tools.

  pprof        profile.proto, for Go's pprof (go tool pprof): live and ever
               allocated, blocks and bytes, age and verdict as tags
  folded       stacks with a weight, for flame graph tools
  speedscope   for speedscope
  openmetrics  for Prometheus: totals, age rows, the largest callsites
  heap         the older text profile, for google-pprof

Of a file the last dump of each process is taken, or dump number SEQ."""

EPILOG = """\
  dmalloc-export --to pprof heap.jsonl -o heap.pb.gz
  dmalloc-export --to folded --older-than 100 4242 | flamegraph.pl > old.svg
  dmalloc-export --to openmetrics --every 15 4242 -o /var/lib/textfile/app.prom"""

FORMATS = ("pprof", "folded", "speedscope", "openmetrics", "heap")
BINARY = ("pprof",)
START_SECONDS = 5                # that a process may take to have the library running


def keep_exporting(options, write):
    """Writes the file anew every `--every` seconds until the process is gone.

    The file goes with the process: a collector must not show a dead process's
    figures for ever. A lost answer is made up for by the next one; to a process
    that is only starting the next question comes soon.
    """
    def end(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, end)
    started = time.monotonic()
    answered = False
    try:
        while ask.exists(options.dump):
            wait = options.every
            try:
                dumps = [source.from_process(options.dump, everything=False)]
            except cli.Trouble as trouble:
                if not answered and time.monotonic() < started + START_SECONDS:
                    wait = min(wait, 0.1)
                elif ask.exists(options.dump):
                    cli.say(trouble)
            else:
                answered = True
                write(dumps)
            ask.wait_for_end(int(options.dump), wait)
    except KeyboardInterrupt:
        pass
    finally:
        cli.remove_output(options.output)


def main():
    parser = cli.Parser(description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("dump", metavar="FILE", help=source.HELP)
    parser.add_argument("--to", choices=FORMATS, required=True, metavar="FORMAT",
                        help=", ".join(FORMATS))
    parser.add_argument("-o", "--output", metavar="FILE", default=cli.STDOUT,
                        help="default: stdout; replaced only when whole")
    parser.add_argument("--pid", type=cli.at_least(1), help="only this process of the file")
    parser.add_argument("--older-than", type=cli.checked(units.parse_seconds), default=0,
                        metavar="S", help="only blocks at least this old: 1, 10, 100 or 1000 seconds")
    parser.add_argument("--by", choices=tuple(weights.WEIGHTS), metavar="WEIGHT",
                        help="folded, speedscope: " + ", ".join(weights.WEIGHTS) + " (default: bytes)")
    parser.add_argument("--top", type=cli.at_least(0), default=10, metavar="N",
                        help="openmetrics: callsites with series of their own (default: 10)")
    parser.add_argument("--every", type=cli.checked(units.parse_seconds), metavar="S",
                        help="of a PID: write again every S seconds until it ends")
    options = parser.parse_args()
    if options.to in BINARY and options.output == cli.STDOUT and sys.stdout.isatty():
        raise cli.Trouble(f"{options.to} is binary: give -o FILE")
    convert = importlib.import_module(f".formats.{options.to}", __package__).convert
    # What a collector reads, as another user.
    mode = 0o644 if options.to == "openmetrics" else None

    def write(dumps):
        weights.settle_age(options, dumps)
        cli.write_output(options.output, convert(dumps, options), mode)

    if options.every is not None:
        if not source.is_pid(options.dump) or options.every < 0.1:
            raise cli.Trouble("--every needs the PID of a process and at least 0.1 seconds")
        return keep_exporting(options, write)
    write(source.each(options.dump, options.pid))
    return 0
