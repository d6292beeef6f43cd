"""What to look at first: the sentence that a view of a dump begins with.

It says what the text dump's heading of the callsites does, in its words.
"""

from . import names, units


def headline(dump, depth):
    """(whether something grows, a sentence); none where nothing was judged.

    Who grows is named by DEPTH functions. A dump says of all its callsites how
    many are growing, and of those that it lists whether it is too early to tell.
    """
    judged = [callsite for callsite in dump.callsites if callsite.verdict]
    growing = [callsite for callsite in judged if callsite.verdict == "growing"]
    count = dump.data.get("callsites", {}).get("growing", len(growing))
    if growing or count:
        are = f"{units.plural(count, 'callsite')} {'is' if count == 1 else 'are'} growing"
        if not growing:
            return True, f"{are}, not listed here: dmalloc-dump --all {dump.pid} lists all."
        first = max(growing, key=lambda callsite: callsite.growth or 0)
        return True, f"{are}. Look first at {names.title(first, depth)}: {first.reason}."
    if not judged:
        return False, ""
    early = [callsite for callsite in judged if callsite.verdict == "too early"]
    if len(early) == len(judged):
        return False, "Too early to tell which are growing."
    if undecided := sum(map(_has_aged, early)):
        return False, f"{undecided:,} too early to tell, no other is growing."
    return False, "No callsite is growing."


def _has_aged(callsite):
    """Whether a block of it ever was 100 s old. What has none has nothing to tell."""
    return not callsite.survived or any(callsite.survived[2:])
