"""The main table: every row under every column, side by side.

Columns that share a base and an amount of work form a group.  One round runs a
group's base and then its columns (every second round in the other order), and
each column is divided by the base of its own round, so a machine that gets
slower meanwhile slows both.  The cell is the median of these ratios.
"""

import sys
import tempfile
import time

import columns
import measure
import tables


def progress(text):
    """A line for whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Cell:
    """All runs of one row under one column; reason says why there is none."""

    def __init__(self, column, reason=None):
        self.column = column
        self.reason = reason
        self.pairs = []  # of Cost: (base, this column)

    def ratio(self, field):
        """The text of the ratio of FIELD, with its spread."""
        if self.reason:
            return self.reason
        ratios = [getattr(cost, field) / max(getattr(base, field), 1e-9)
                  for base, cost in self.pairs]
        digits = 2 if measure.median(ratios) < 10 else 1
        return (f"{measure.median(ratios):.{digits}f} "
                f"±{measure.spread(ratios):.{digits}f}")

    def middle(self, field):
        """The median ratio of FIELD as a number, or None."""
        if self.reason or not self.pairs:
            return None
        return measure.median([getattr(cost, field)
                               / max(getattr(base, field), 1e-9)
                               for base, cost in self.pairs])

    def more_memory(self):
        """The text of the peak above the base's, in MiB."""
        if self.reason:
            return self.reason
        more = measure.median([cost.peak - base.peak
                               for base, cost in self.pairs])
        return f"{more:+.1f}"

    def bytes_left(self):
        """The text of what was written beyond the program's own output."""
        if self.reason:
            return self.reason
        return tables.size(measure.median(
            [cost.written - base.written if self.column.wchar else cost.kept
             for base, cost in self.pairs]))


def groups(chosen):
    """The chosen columns by (base, shorten), in the table's order."""
    found = {}
    for column in chosen:
        if column.name != column.base:
            found.setdefault((column.base, column.shorten), []).append(column)
    return found


def _one(row, column, part, seconds):
    """One run in a directory of its own, as a Cost."""
    with tempfile.TemporaryDirectory(prefix="dmalloc-bench-") as directory:
        return row.run(column, part, directory, seconds)


def _round(row, base, cells, part, seconds, backwards):
    """One run of the base and of each cell's column."""
    waiting = [base] + [cell for cell in cells if not cell.reason]
    costs = {}
    for entry in reversed(waiting) if backwards else waiting:
        try:
            column = entry.column
            costs[column.name] = _one(row, column, part, seconds)
        except measure.Failed as failure:
            entry.reason = str(failure)
    for cell in cells:
        if base.reason:
            cell.reason = cell.reason or f"base {base.reason}"
        elif not cell.reason:
            cell.pairs.append((costs[base.column.name],
                               costs[cell.column.name]))


def measure_row(row, chosen, runs, work, seconds):
    """The cells of ROW by column name, and the plain run's costs.

    WORK (0 to 1) is the part of the full amount of work, SECONDS the time that
    one run may take.
    """
    cells = {column.name: Cell(column, row.missing() or column.missing())
             for column in chosen}
    plain = []
    for (name, shorten), members in groups(chosen).items():
        base = Cell(columns.BASES[name])
        mine = [cells[column.name] for column in members]
        if all(cell.reason for cell in mine):
            continue
        for turn in range(runs):
            names = ", ".join(cell.column.name for cell in mine
                              if not cell.reason)
            if not names:
                break
            progress(f"{row.name}: {name}, {names}: {turn + 1} of {runs}")
            _round(row, base, mine, work / shorten, seconds, turn % 2 == 1)
        if (name, shorten) == ("plain", 1):
            plain = [pair[0] for pair in mine[0].pairs]
    if not plain and not row.missing() and "plain" in cells:
        try:
            plain = [_one(row, columns.BASES["plain"], work, seconds)
                     for _ in range(runs)]
        except measure.Failed as failure:
            cells["plain"].reason = str(failure)
    return cells, plain


def _plain_text(plain, field, reason):
    """The absolute figure of the plain run: seconds or MiB."""
    if reason or not plain:
        return reason or ""
    value = measure.median([getattr(cost, field) for cost in plain])
    return f"{value:.1f} MiB" if field == "peak" else f"{value:.2f} s"


def _times_ours(row, cells):
    """How many times what dmalloc adds heaptrack's preload adds, as text, with
    the goal of ROW for it."""
    ours = cells.get("dmalloc")
    theirs = cells.get("heaptrack-preload")
    if ours is None or theirs is None:
        return ""
    own, other = ours.middle("cpu"), theirs.middle("cpu")
    if own is None or other is None or own <= 1.0:
        return ""
    text = f"{(other - 1) / (own - 1):.1f}"
    return f"{text} ({row.multiple})" if row.multiple else text


def render(results, chosen):
    """The tables as markdown; RESULTS is a list of (row, cells, plain)."""
    titles = [column.title for column in chosen]
    parts = []
    for title, field, text in (
            ("Time of all processors (user and system), times the base's",
             "cpu", lambda cell: cell.ratio("cpu")),
            ("Time passed, times the base's", "wall",
             lambda cell: cell.ratio("wall")),
            ("Peak memory: plain, then what each adds in MiB", "peak",
             Cell.more_memory),
            ("Bytes written for the profile", None, Cell.bytes_left)):
        goals = field == "cpu"
        head = (["program"] + (["goal"] if goals else []) + titles
                + (["heaptrack's preload adds, times dmalloc (goal)"] if goals
                   else []))
        lines = []
        for row, cells, plain in results:
            line = [row.title] + ([row.goal] if goals else [])
            for column in chosen:
                cell = cells[column.name]
                if column.name != "plain":
                    line.append(text(cell))
                else:
                    line.append(_plain_text(plain, field, cell.reason)
                                if field else "")
            lines.append(line + ([_times_ours(row, cells)] if goals else []))
        if field is None:
            head = [head[0]] + head[2:] if chosen[0].name == "plain" else head
            lines = [line[:1] + line[2:] if chosen[0].name == "plain" else line
                     for line in lines]
        parts.append(f"### {title}\n\n" + tables.markdown(head, lines))
    return "\n".join(parts)
