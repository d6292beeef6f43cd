"""Write a large C file for the compiler row: parsers, tables, loops, switches.

usage: make_c.py FUNCTIONS > FILE

The same number gives the same file.  It needs no header, so that cc1 alone can
compile it, and its functions call each other and differ in shape, so that the
compiler's passes all find work.
"""

import random
import sys

TYPES = ("int", "unsigned", "long", "unsigned char", "short", "double")
OPERATORS = ("+", "-", "*", "^", "|", "&", "<", ">=", "==")


class Writer:
    """Writes functions; CHANCE is the only source of variety."""

    def __init__(self, chance):
        self.chance = chance

    def expression(self, levels):
        """An expression of at most LEVELS nested operators."""
        chance = self.chance
        if levels == 0 or chance.random() < 0.2:
            return chance.choice(("a", "b", "n", "s->id", "s->next->id",
                                  "s->table[n & 7]", "(int)s->weight",
                                  str(chance.randrange(1, 5000))))
        left = self.expression(levels - 1)
        right = self.expression(levels - 1)
        if chance.random() < 0.1:
            return f"({left} ? {right} : n + {chance.randrange(9)})"
        return f"({left} {chance.choice(OPERATORS)} {right})"

    def block(self, levels, number):
        """Statements, LEVELS deep at most, of function NUMBER."""
        return "".join(self.statement(levels, number)
                       for _ in range(self.chance.randrange(2, 5)))

    def statement(self, levels, number):
        """One statement with its indentation and line end."""
        chance = self.chance
        kind = chance.random() if levels else 0.0
        value = self.expression(3)
        if kind < 0.25:
            target = chance.choice(("a", "b", "s->id", "s->table[b & 7]",
                                    "s->weight"))
            return f"  {target} {chance.choice(('=', '+=', '-='))} {value};\n"
        inner = self.block(levels - 1, number)
        if kind < 0.45:
            other = self.block(levels - 1, number)
            return f"  if ({value}) {{\n{inner}  }} else {{\n{other}  }}\n"
        if kind < 0.65:
            return (f"  for (n = 0; n < {chance.randrange(3, 90)}; n++) {{\n"
                    f"{inner}    if (a > {chance.randrange(9999)}) break;\n"
                    f"  }}\n")
        if kind < 0.8:
            cases = "".join(
                f"  case {i}: {self.statement(0, number)}    break;\n"
                for i in range(chance.randrange(4, 12)))
            return f"  switch ({value} & 15) {{\n{cases}  default: b++;\n  }}\n"
        if number:
            callee = chance.randrange(max(0, number - 60), number)
            return f"  a += function_{callee}(s->next, {value}, b);\n"
        return f"  while (b-- > 0) {{\n{inner}  }}\n"

    def function(self, number):
        """A struct of its own and a function that uses a common one."""
        fields = "".join(f" {self.chance.choice(TYPES)} f{i};"
                         for i in range(self.chance.randrange(2, 9)))
        linkage = "static " if self.chance.random() < 0.5 else ""
        text = ", ".join(str(self.chance.randrange(-99, 99))
                         for _ in range(24))
        return (f"struct own_{number} {{{fields} }};\n"
                f"static const short data_{number}[24] = {{{text}}};\n"
                f"{linkage}__attribute__((used)) int\n"
                f"function_{number}(struct node *s, int a, int b)\n{{\n"
                f"  int n = a & 31;\n  struct own_{number} own = {{0}};\n"
                f"{self.block(3, number)}"
                f"  own.f0 += data_{number}[(unsigned)n % 24];\n"
                f"  return a + b + (int)own.f0;\n}}\n\n")


def main():
    """Print the file."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: make_c.py FUNCTIONS > FILE")
    print("struct node { struct node *next; int id; int table[8]; "
          "double weight; };\n")
    writer = Writer(random.Random(30))
    for number in range(int(sys.argv[1])):
        print(writer.function(number), end="")


main()
