"""Figures as people read and write them: bytes, counts, seconds."""

import re

SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size(value):
    """VALUE bytes with one decimal, rounded as in the text dump: 84.3MiB, -12B."""
    amount, sign = abs(round(value)), "-" if value < 0 else ""
    if amount < 1024:
        return f"{sign}{amount}B"
    unit = min((amount.bit_length() - 1) // 10, len(SIZE_UNITS) - 1)
    tenths = (10 * amount + (1 << (10 * unit - 1))) >> (10 * unit)
    if tenths == 10240 and unit < len(SIZE_UNITS) - 1:
        unit, tenths = unit + 1, 10          # 1023.96KiB reads 1.0MiB
    return f"{sign}{tenths // 10}.{tenths % 10}{SIZE_UNITS[unit]}"


def signed_size(value):
    """VALUE bytes with its sign always shown: +1.2MiB."""
    return ("+" if value >= 0 else "") + size(value)


def plural(number, noun):
    """1 dump, 2 dumps, 1,000 dumps."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def duration(seconds):
    """SECONDS in the largest two units: 45 s, 20 min 50 s, 3 h 2 min, 4 d 1 h."""
    seconds = int(seconds)
    for name, unit, below, smaller in (("d", 86400, "h", 3600),
                                       ("h", 3600, "min", 60),
                                       ("min", 60, "s", 1)):
        if seconds >= unit:
            return f"{seconds // unit} {name} {seconds % unit // smaller} {below}"
    return f"{seconds} s"


def parse_size(text):
    """Bytes from 4096, 64k, 1.5MiB, 2G. All units are powers of 1024."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)(?:i?[bB])?", text.strip())
    if not match:
        raise ValueError(f'"{text}" is not a size like 4096, 64KiB or 1.5MiB')
    power = " kmgt".index(match[2].lower() or " ")
    return int(float(match[1]) * 1024 ** power)


def parse_seconds(text):
    """Seconds from 90, 90s, 5min, 2h, 1d."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d)?", text.strip())
    if not match:
        raise ValueError(f'"{text}" is not a time like 90, 5min or 2h')
    return float(match[1]) * {"m": 60, "h": 3600, "d": 86400}.get((match[2] or "s")[0], 1)


def age_label(row, unit=" sec"):
    """The label of an age row {"from": seconds, "to": seconds or None}."""
    if row["to"] is None:
        return f"> {row['from']}{unit}"
    return f"< {row['to']}{unit}"


SPARKS = "▁▂▃▄▅▆▇█"


def spark(values):
    """One block character for each of VALUES, scaled from 0 to the largest."""
    top = max(values, default=0) or 1
    last = len(SPARKS) - 1
    return "".join(SPARKS[min(last, max(0, round(last * v / top)))] for v in values)
