"""What glibc's own tests ask of malloc holds with us before it too."""

import subprocess

import harness


class Rules(harness.Case):

    def rule(self, name):
        """The rule NAME holds without us and with us, and the books balance."""
        program = harness.small("malloc_rules")
        for how in ({"preload": False}, {"interval": 0}, {"interval": "0.05"},
                    {"interval": 0, "depth": 1}):
            result = harness.run([program, name], **how)
            self.assertEqual((result.status, result.stdout, result.stderr), (0, b"", b""), how)
        self.assert_balanced(result.dump())
        self.assertEqual(result.dump()["totals"]["foreign_frees"], 0)

    def test_a_program_with_its_own_malloc(self):
        """We are then never called, and know that there is nothing to tell."""
        for how in ({"preload": False}, {"interval": 0}, {"interval": "0.05"}):
            self.assertEqual(harness.run([harness.small("own_malloc")], **how).status, 0)


def _rules():
    """One test for each rule that the program names."""
    named = subprocess.run([harness.small("malloc_rules")], check=True, capture_output=True,
                           text=True, env=harness.environment(preload=False)).stdout
    for name in named.split():
        setattr(Rules, f"test_{name}", lambda self, name=name: self.rule(name))


_rules()
