"""What a user names on the command line, and the dumps that it stands for.

    FILE        the last dump of the file (of each process in it)
    FILE:SEQ    the dump number SEQ; FILE:-1 is the last one, FILE:-2 the one before
    PID         a dump made now
    -           stdin
"""

import collections
import json
import os
import re

from . import ask
from .cli import Trouble
from .dump import Dump
from .dumps import File, Runs

VIEW_BYTES = 16 << 20            # a view asks for no more than this each time
HELP = "a file of JSON dumps, FILE:SEQ for one of them, or the pid of a running process"


def is_pid(text):
    """True when TEXT names a process: a number, and no file of that name."""
    return text.isdigit() and not os.path.exists(text)


def from_process(pid, everything=True):
    """The Dump that process PID makes now; `dump.length` is its size in bytes.

    A process that cannot wait for its reader (DMALLOC_INTERVAL=0) may have to
    cut a long list short: then its own DMALLOC_TOP is asked for.
    """
    text = ask.dump(int(pid), everything=everything)
    try:
        dump = Dump(json.loads(text))
    except ValueError as error:
        if everything:
            return from_process(pid, everything=False)
        raise Trouble(f"process {pid} sent a broken dump: {error}") from None
    dump.length = len(text)
    return dump


def split(text):
    """(path, seq or None) of FILE or FILE:SEQ."""
    match = re.fullmatch(r"(.+):(-?\d+)", text, re.DOTALL)
    if match and not os.path.exists(text):
        return match[1], int(match[2])
    return text, None


def one(text, pid=None):
    """The one Dump that TEXT names; of process PID where a file holds several."""
    dumps = each(text, pid)
    if len(dumps) > 1:
        pids = ", ".join(str(dump.pid) for dump in dumps[:8])
        more = ", ..." if len(dumps) > 8 else ""
        raise Trouble(f"{text}: dumps of {len(dumps)} processes: choose one with "
                      f"--pid ({pids}{more})")
    return dumps[0]


def each(text, pid=None, newest=False):
    """The Dumps that TEXT names, one for each process, by pid.

    Where the last one of a process is broken the one before serves; with NEWEST
    that is a Trouble, for something new may be in what is lost.
    """
    if is_pid(text):
        return [from_process(text)]
    path, seq = split(text)
    file = File(path, progress=True)
    found = _last_records(file, seq, pid)
    dumps, broken = [], ["some process"] * file.cut
    for key, records in found.items():
        for record in reversed(records):
            if dump := record.load():
                dumps.append(dump)
                break
            broken.append(f"process {key}" if key else "some process")
    file.finish()
    if newest and dumps and broken:
        raise Trouble(f"{file.name}: the last dump of {broken[0]} is not whole")
    if not dumps:
        wanted = "" if seq is None else f" {seq}"
        of_process = f" of process {pid}" if pid else ""
        raise Trouble(f"{file.name}: no whole dump{wanted}{of_process} in it")
    return sorted(dumps, key=lambda dump: dump.pid)


def _last_records(file, seq, pid):
    """For each pid the last records (two at most) that SEQ may mean."""
    back = -seq if seq is not None and seq < 0 else 1
    found = collections.defaultdict(lambda: collections.deque(maxlen=back + 1))
    for record in file:
        # One that is cut short may not say its pid: then it is 0, and may be of any.
        if (pid is None or record.pid in (pid, 0)) and \
                (seq is None or seq < 0 or record.seq == seq):
            found[record.pid].append(record)
    if back == 1:
        return found
    return {key: [records[-back]] for key, records in found.items() if len(records) >= back}


def follow_process(pid, seconds, stop):
    """Yields a Dump of process PID every SECONDS.

    STOP(timeout) waits, and ends this by returning True. All callsites are
    asked for until that is more than a view should make a process write.
    Raises Trouble when there is no answer.
    """
    everything = True
    while True:
        dump = from_process(pid, everything)
        whole = len(dump.callsites) >= dump.callsites_used
        everything = everything and whole and dump.length < VIEW_BYTES
        yield dump
        if stop(seconds):
            return


def follow_file(path, stop, past):
    """Yields the last Dump of a file, then those that are appended to it.

    A loader for each dump that the file has is put into the list PAST; STOP as
    above.
    """
    file = File(path, progress=True)
    while True:
        dump, fresh = None, 0
        for record in file:
            if not record.ended and past:
                file.unread(record)      # it is being written
                break
            past.append(record.load)
            fresh += 1
        while fresh and past and not (dump := past[-1]()):
            past.pop()                   # broken: the one before serves
            fresh -= 1
        if dump:
            yield dump
        elif not past:
            file.finish()
            raise Trouble(f"{file.name}: no whole dump in it")
        if stop(1.0):
            return


def all_dumps(path):
    """Yields (run, Dump) for every whole dump of a file, in its order."""
    file = File(path, progress=True)
    runs = Runs()
    for record in file:
        run = runs.of(record)
        if dump := record.load():
            yield run, dump
    file.finish()
