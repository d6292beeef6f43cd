"""Parsers under the sanitizers: settings, globs, signal names, ELF files."""

import pathlib
import subprocess
import tempfile

import harness

FUZZ = harness.ROOT / "build/tests/fuzz"
VALUES = ("5", "0.25", "USR1", "RTMIN+5", "none", "stderr", "/tmp/%p-%c-%h-%t-%%", "json", "all",
          "growth", "64", "65536", "1", "[a-z]*?[!x-z\\]]", "1000000000.0000001", "SIGUSR2",
          "\x1b[2J\xff\xfe", "9" * 600)


class Fuzz(harness.Case):

    def fuzz(self, target, count, seeds):
        """COUNT inputs made from SEEDS leave TARGET alive and silent."""
        done = subprocess.run([FUZZ / target, str(count), *seeds], check=False, timeout=500,
                              capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout, b"%d inputs\n" % count)

    def test_settings(self):
        with tempfile.TemporaryDirectory() as folder:
            seeds = []
            for number, value in enumerate(VALUES):
                seeds.append(pathlib.Path(folder, str(number)))
                seeds[-1].write_bytes(bytes([number]) + value.encode("latin-1"))
            self.fuzz("fuzz_settings", 300000, seeds)

    def test_suppressions(self):
        with tempfile.TemporaryDirectory() as folder:
            seed = pathlib.Path(folder, "seed")
            seed.write_bytes(b"# a comment\n\nleak:^std::*insert$\n  leak:libfoo.so \r\nrace:x\n"
                             b"leak:\nleak:[a-z]?\\\nleak:" + b"a*" * 600 + b"\nleak:last")
            self.fuzz("fuzz_suppress", 50000, [seed])

    def test_elf_files(self):
        plugins = harness.SMALL / "plugins"
        self.fuzz("fuzz_elf", 20000, [plugins / "leaking.so", plugins / "throwing.so",
                                      harness.small("names")])

    def test_malformed_modules_of_a_live_process(self):
        """The files of loaded modules are overwritten; dumps go on."""
        good = (harness.SMALL / "plugins/leaking.so").read_bytes()
        for number in range(12):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "idle")
                path.write_bytes(pathlib.Path(harness.small("idle")).read_bytes())
                path.chmod(0o755)
                with harness.running([str(path)]) as program:
                    program.line()
                    bad = bytearray(path.read_bytes())
                    for at in range(24 + number, len(bad) if number % 2 else 4096, 97):
                        bad[at] = (at * 31 + number) & 0xff
                    path.unlink()
                    path.write_bytes((bad, good, b"", bad[:100], b"\x7fELF")[number % 5])
                    dump = program.ask()
                    self.assert_balanced(dump)
                    self.assertEqual(dump["totals"]["live_bytes"], 123)
