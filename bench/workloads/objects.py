"""Allocation-heavy Python: trees of small objects, tables of strings, floats.

usage: python3 objects.py [ROUNDS]

To be run with PYTHONMALLOC=malloc, which sends every small object to malloc.
Nested calls of methods, list comprehensions and a key function put the
allocator under about twenty C frames.  Prints a checksum, so that a run can be
seen to have done the same as another.
"""

import sys


class Node:
    """A binary tree's node: its value in a list of its own, two children."""

    def __init__(self, depth, value):
        self.values = [value, value + 0.5]
        self.children = ([Node(depth - 1, value * 2 + i) for i in (0, 1)]
                         if depth else [])

    def fold(self):
        """The sum of all values below, each as a new float."""
        return sum(map(Node.fold, self.children), sum(self.values))


def words(count):
    """A dictionary of words to the places that they are at."""
    places = {}
    for i in range(count):
        places.setdefault("w%d" % (i * 7919 % 997), []).append((i, str(i)))
    return places


def main():
    """Build, sort and drop, ROUNDS times (default 60)."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    total = 0.0
    for turn in range(rounds):
        total += sum(Node(3, turn + i).fold() for i in range(250))
        table = words(4000)
        ordered = sorted(table.items(), key=lambda item: (len(item[1]),
                                                          item[0]))
        total += len(",".join(name for name, _ in ordered))
        total += sum(float(i) * 1.5 for i in range(20000))
    print(total)


main()
