"""Markdown tables, and putting them between marks of a document."""

import measure

DOCUMENT = measure.ROOT / "docs" / "PERFORMANCE.md"


def size(count):
    """A number of bytes for people: 1.5 MiB."""
    if count < 1024:
        return f"{max(0, count):.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            break
    return f"{count:.1f} {unit}"


def markdown(head, lines):
    """A table with its columns lined up; all entries are texts."""
    table = [list(head)] + [list(line) for line in lines]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    rows = ["| " + " | ".join(text.ljust(width)
                              for text, width in zip(line, widths)) + " |"
            for line in table]
    rows.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(rows) + "\n"


def put(mark, text):
    """Replace what stands in the document between the marks called MARK."""
    old = DOCUMENT.read_text(encoding="utf-8")
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    if old.count(begin) != 1 or old.count(end) != 1:
        raise SystemExit(f"bench: {DOCUMENT.name}: needs {begin} and {end}, "
                         "once each")
    before, rest = old.split(begin)
    after = rest.split(end)[1]
    DOCUMENT.write_text(f"{before}{begin}\n\n{text}\n{end}{after}",
                        encoding="utf-8")
