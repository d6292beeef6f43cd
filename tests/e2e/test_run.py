"""dmalloc-run: its options, and that a program runs under it as it does without."""

import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import harness
from harness import SCRIPTS, script


class Run(unittest.TestCase):

    def test_options_become_variables(self):
        options = {"interval": "2.5", "signal": "USR2", "output": "/dev/null", "format": "json",
                   "top": "3", "sort": "old", "min-age": "10", "depth": "12",
                   "callsites": "1000", "program": "nothing*"}
        expected = {f"DMALLOC_{name.upper().replace('-', '_')}={value}"
                    for name, value in options.items()}
        separate = [word for name, value in options.items() for word in (f"--{name}", value)]
        joined = [f"--{name}={value}" for name, value in options.items()]
        for words in (separate, joined):
            for end in ([], ["--"]):
                status, stdout, stderr = script("dmalloc-run", *words, "--at-exit", "--trace",
                                                *end, "/usr/bin/env")
                self.assertEqual((status, stderr), (0, ""))
                seen = {line for line in stdout.splitlines() if line.startswith("DMALLOC_")}
                self.assertEqual(seen, expected | {"DMALLOC_AT_EXIT=1", "DMALLOC_TRACE=1"})

    def test_the_program_gets_its_arguments_and_gives_its_status(self):
        status, stdout, _ = script("dmalloc-run", "--interval", 0, "--", "/bin/sh", "-c",
                                   'printf "%s|" "$@"; exit 9', "sh", "a b", "", "--top", "*")
        self.assertEqual((status, stdout), (9, "a b||--top|*|"))

    def test_it_becomes_the_program(self):
        with harness.process_group([SCRIPTS / "dmalloc-run", "--interval", "0",
                                    harness.small("idle")],
                                   harness.environment(preload=False)) as process:
            self.assertEqual(process.stdout.readline(), b"idle\n")
            self.assertEqual(os.readlink(f"/proc/{process.pid}/exe"), harness.small("idle"))

    def test_it_stands_before_other_preloads(self):
        env = harness.environment(preload=False, behind=["libjemalloc.so.2"])
        _, stdout, _ = script("dmalloc-run", "--interval=0", "/usr/bin/env", env=env)
        self.assertIn(f"LD_PRELOAD={harness.LIBRARY}:libjemalloc.so.2", stdout.splitlines())

    def test_bad_input_is_one_line(self):
        for words in (["--bogus", "x"], ["--interval", "abc", "x"], ["--interval", "1.2.3", "x"],
                      ["--interval=99999999999999999999", "x"], ["--interval", "1000000001", "x"],
                      ["--depth", "65", "x"], ["--depth=0", "x"], ["--format", "xml", "x"],
                      ["--top=many", "x"], ["--sort", "size", "x"], ["--min-age", "-1", "x"],
                      ["--top", "2147483647", "x"], ["--min-age", "1001", "x"],
                      ["--signal", "FOO", "x"], ["--signal=KILL", "x"], ["--signal", "SIGSEGV", "x"],
                      ["--signal", "0", "x"], ["--signal", "11", "x"], ["--signal", "33", "x"],
                      ["--signal", "65", "x"], ["--signal", "RTMIN+31", "x"], ["--signal", "", "x"],
                      ["--suppress", "/nonexistent", "x"], ["--suppress", "/etc", "x"],
                      ["--output", "", "x"], ["--output", "/etc", "x"],
                      ["--output", "/nonexistent/heap.log", "x"], ["--output", "/dev/stdout", "x"],
                      ["--output", "a" * 512, "x"], ["--program", "a" * 256, "x"],
                      ["--metrics", "/nonexistent", "x"], ["--at-exit=1", "x"],
                      ["--live", "--metrics", "/tmp", "x"], ["--top", "x", "true"],
                      ["--interval"], ["--callsites", "99999999999", "x"], [], ["--"]):
            words = [word if word != "x" else "/bin/echo" for word in words]
            status, stdout, stderr = script("dmalloc-run", *words)
            self.assertEqual((status, stdout), (2, ""), words)
            self.assertRegex(stderr, r"\Admalloc-run: [^\n]+\n\Z")

    def test_what_the_library_takes_is_taken(self):
        for words in (["--interval", ".5"], ["--interval", "1000000000"], ["--top", "all"],
                      ["--top", "2147483646"], ["--callsites", "1000000"], ["--depth", "64"],
                      ["--output", "stderr"], ["--output", "/dev/null"],
                      ["--output", "/nonexistent/%h/x"],
                      *(["--signal", name] for name in ("none", "SIGUSR2", "usr2", "10", "64", "Rtmin",
                                                        "RTMIN+30", "SIGRTMAX-30", "rtmax", "IO",
                                                        "WINCH", "STKFLT"))):
            status, stdout, stderr = script("dmalloc-run", "--interval", "0", *words, "--", "echo", "x")
            self.assertEqual((status, stdout, stderr), (0, "x\n", ""), words)

    def test_a_program_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            plain = pathlib.Path(folder, "plain")
            plain.write_text("echo hi\n")
            for program, expected, why in (
                    ("nosuchprogram", 127, "not found"), ("/nosuch/program", 127, "not found"),
                    ("cd", 127, "not found"), ("usage", 127, "not found"), ("", 127, "not found"),
                    (folder, 126, "cannot be executed"),
                    (plain, 126, "cannot be executed")):
                status, stdout, stderr = script("dmalloc-run", "--", program)
                self.assertEqual((status, stdout, stderr),
                                 (expected, "", f"dmalloc-run: {program}: {why}\n"))
            plain.chmod(0o755)           # what a shell runs, though no kernel does
            self.assertEqual(script("dmalloc-run", "--interval=0", plain), (0, "hi\n", ""))
            env = harness.environment(preload=False)
            env["PATH"] = f"{folder}:{env['PATH']}"
            self.assertEqual(script("dmalloc-run", "--interval=0", "plain", env=env), (0, "hi\n", ""))

    def test_another_library(self):
        env = harness.environment(preload=False) | {"DMALLOC_LIBRARY": "/nonexistent"}
        status, _, stderr = script("dmalloc-run", "/bin/true", env=env)
        self.assertEqual(status, 2)
        self.assertRegex(stderr, r"\Admalloc-run: [^\n]+/nonexistent\n\Z")

    def test_help(self):
        status, stdout, _ = script("dmalloc-run", "--help")
        self.assertEqual(status, 0)
        self.assertEqual(script("dmalloc-run", "-h"), (0, stdout, ""))
        for option in ("interval", "signal", "output", "format", "top", "sort", "min-age", "depth",
                       "callsites", "at-exit", "trace", "program", "suppress"):
            self.assertIn(f"--{option} ", stdout)


class Metrics(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dmalloc-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def command(self, *words, interval="0.2"):
        """dmalloc-run with metrics into the test's folder."""
        return [SCRIPTS / "dmalloc-run", "--interval", interval, "--output", "/dev/null",
                "--metrics", self.folder, "--", *words]

    def await_metrics(self, pid):
        """Waits for the metrics of process PID."""
        path = self.folder / f"dmalloc-{pid}.prom"
        harness.wait_until(lambda: path.exists() and "dmalloc_uptime_seconds{" in path.read_text(),
                           "the metrics")

    def test_they_live_as_long_as_the_program(self):
        """Whatever the interval is, and whoever was told to end."""
        for interval in ("0.2", "0", ".5", "100000"):
            with harness.process_group(self.command(harness.small("idle"), interval=interval),
                                       harness.environment(preload=False)) as process:
                self.await_metrics(process.pid)
                process.terminate()
                self.assertEqual(process.wait(60), -signal.SIGTERM)
                harness.wait_until(lambda: list(self.folder.iterdir()) == [], "their end")
                self.assertEqual(process.stderr.read(), b"")

    def test_a_signal_to_the_terminal_or_session(self):
        """The program gets it; who keeps the metrics sees its end."""
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            with harness.process_group(self.command(harness.small("idle"), interval="100"),
                                       harness.environment(preload=False)) as process:
                self.await_metrics(process.pid)
                os.killpg(process.pid, number)
                self.assertEqual(process.wait(60), -number)
                harness.wait_until(lambda: list(self.folder.iterdir()) == [], "their end")

    def test_the_program_is_as_without(self):
        """It reads our input, has the signals that we have, and no child."""
        look = "cat; grep SigIgn /proc/self/status; wait; exit 9"
        done = subprocess.run(self.command("/bin/sh", "-c", look), check=False, timeout=60,
                              input="got it\n", stdout=subprocess.PIPE, text=True,
                              env=harness.environment(preload=False))
        plain = subprocess.run(["/bin/sh", "-c", look], check=False, timeout=60,
                               input="got it\n", stdout=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stdout), (9, plain.stdout))

    def test_who_is_not_asked_has_none(self):
        env = harness.environment(preload=False)
        for words, env in ((["--signal", "none"], env), ([], env | {"DMALLOC_SIGNAL": "none"})):
            for how in (["--metrics", self.folder], ["--live"]):
                status, stdout, stderr = script("dmalloc-run", *words, *how, "--", "echo", "x",
                                                env=env)
                self.assertEqual((status, stdout), (2, ""))
                self.assertRegex(stderr, r"\Admalloc-run: [^\n]+\n\Z")


class Untracked(unittest.TestCase):
    """A program that the library cannot get into is told, and run."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dmalloc-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def build(self, *options):
        """A program that ends with 7, built with gcc's OPTIONS."""
        program = self.folder / "program"
        source = self.folder / "program.c"
        source.write_text("int main(void) { return 7; }\n")
        done = subprocess.run(["gcc", *options, "-o", program, source], check=False,
                              capture_output=True)
        if done.returncode:
            self.skipTest(f"gcc {' '.join(options)} does not work here")
        return program

    def run_it(self, program, *options):
        """The status and stderr of PROGRAM under dmalloc-run."""
        status, _, stderr = script("dmalloc-run", "--interval", "0", *options, "--", program)
        return status, stderr

    def test_static_programs(self):
        for options in (["-static"], ["-static-pie"]):
            program = self.build(*options)
            said = f"dmalloc-run: {program}: statically linked; not tracked\n"
            self.assertEqual(self.run_it(program), (7, said))
            self.assertEqual(self.run_it(program, "--live"), (7, said))
            self.assertEqual(self.run_it(program, "--metrics", self.folder), (7, said))

    def test_programs_of_32_bits(self):
        program = self.build("-m32", "-nostdlib", "-static", "-Wl,-e,main")
        _, stderr = self.run_it(program)         # which this kernel may not run
        self.assertEqual(stderr.splitlines()[0], f"dmalloc-run: {program}: 32-bit; not tracked")

    @unittest.skipIf(os.geteuid(), "needs root to make a set-user-ID program")
    def test_programs_with_more_rights(self):
        program = self.build()
        for mode, what in ((0o4755, "set-user-ID"), (0o2755, "set-group-ID")):
            os.chown(program, 33, 33)
            program.chmod(mode)
            self.assertEqual(self.run_it(program),
                             (7, f"dmalloc-run: {program}: {what}; not tracked\n"))
            os.chown(program, 0, 0)              # no more rights than we have
            program.chmod(mode)
            self.assertEqual(self.run_it(program), (7, ""))

    def test_nothing_is_said_of_others(self):
        """A program, the loader with one, a script whatever its mode, what we may not read."""
        program = self.build()
        self.assertEqual(self.run_it(program), (7, ""))
        self.assertEqual(script("dmalloc-run", "--interval=0", "/lib64/ld-linux-x86-64.so.2",
                                program), (7, "", ""))
        program.unlink()
        program.write_text("#!/bin/sh\nexit 7\n")
        for mode in (0o755, 0o6755):
            program.chmod(mode)
            self.assertEqual(self.run_it(program), (7, ""))
