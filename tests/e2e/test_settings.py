"""DMALLOC_*: what each setting does, and what a bad value says."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import harness


class Settings(harness.Case):

    def warnings(self, **settings):
        """The lines on stderr of a program with these settings."""
        with tempfile.TemporaryDirectory() as folder:
            settings = {"output": f"{folder}/dumps", "interval": 0} | settings
            done = subprocess.run([harness.small("names")], check=False, timeout=60,
                                  env=harness.environment(**settings), capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        return done.stderr.decode().splitlines()

    def test_good_values_say_nothing(self):
        for name, values in {
                "interval": ("0", "5", "0.5", "3600"), "signal": ("USR1", "SIGUSR2", "10", "none",
                                                                  "RTMIN+5"),
                "format": ("text", "json"), "top": ("0", "10", "all"),
                "sort": ("bytes", "count", "old", "growth"), "min_age": ("0", "1000"),
                "depth": ("1", "32", "64"), "callsites": ("1", "100", "1000000"),
                "at_exit": ("0", "1"), "program": ("*", "names", "[a-z]*")}.items():
            for value in values:
                self.assertEqual(self.warnings(**{name: value}), [], (name, value))

    def test_suppressions(self):
        with tempfile.NamedTemporaryFile("w", suffix=".supp") as file:
            file.write("# known\nleak:^a_static\nrace:x\nleak:never*returns\n")
            file.flush()
            self.assertEqual(self.warnings(suppress=file.name),
                             [f"dmalloc: {file.name}:3: not leak:PATTERN"])
            dump = harness.run([harness.small("names")], suppress=file.name).dump()
        self.assert_balanced(dump)
        self.site(dump, "an_exported_function")
        self.assertEqual(len(dump["top"]), 1)
        self.assert_figures(dump["callsites"], unfreed=1, suppressed=2, suppressed_live=2,
                            suppressed_bytes=2004)
        self.assertEqual(self.warnings(suppress="/nonexistent"), [
            "dmalloc: /nonexistent: no such file; nothing is suppressed"])

    def test_bad_suppressions_in_a_file_far_away(self):
        with tempfile.TemporaryDirectory() as folder:
            far = pathlib.Path(folder, "d" * 200, "e" * 200)
            far.mkdir(parents=True)
            file = far / "x.supp"
            file.write_text("nonsense\n" * 12)
            self.assertEqual(self.warnings(suppress=file), [
                f"dmalloc: {file}:{line}: not leak:PATTERN" for line in range(1, 11)] + [
                    f"dmalloc: {file}: more lines like these; they are left out too"])

    def test_an_empty_value_is_none(self):
        for name in ("interval", "signal", "format", "top", "depth", "at_exit", "program"):
            self.assertEqual(self.warnings(**{name: ""}), [], name)

    def test_each_bad_value_says_one_line(self):
        self.assertEqual(self.warnings(interval="abc"), [
            'dmalloc: DMALLOC_INTERVAL: "abc" is not a number of seconds; using 5'])
        for name, default, values in (
                ("interval", "5", ("-1", "5x", "1e999")),
                ("signal", "USR1", ("NOSUCH", "0", "99", "KILL", "RTMIN+99")),
                ("format", "text", ("xml", "JSON ")),
                ("top", "10", ("-1", "many")),
                ("sort", "bytes", ("size", "bytes,count")),
                ("min_age", "0", ("-1", "old", "1001")),
                ("depth", "32", ("0", "65", "x")),
                ("callsites", "65536", ("0", "x", "99999999999999999999")),
                ("at_exit", "0", ("2", "yes"))):
            for value in values:
                lines = self.warnings(**{name: value})
                self.assertEqual(len(lines), 1, (name, value, lines))
                self.assertTrue(lines[0].startswith(f'dmalloc: DMALLOC_{name.upper()}: "{value}" '),
                                lines)
                self.assertTrue(lines[0].endswith(f"; using {default}"), lines)

    def test_several_bad_values(self):
        self.assertEqual(len(self.warnings(interval="x", depth="y", sort="z")), 3)

    def test_help(self):
        lines = self.warnings(help=1)
        text = "\n".join(lines)
        for name in ("INTERVAL", "SIGNAL", "OUTPUT", "FORMAT", "TOP", "SORT", "MIN_AGE", "DEPTH",
                     "CALLSITES", "AT_EXIT", "TRACE", "PROGRAM", "SUPPRESS"):
            self.assertIn(f"DMALLOC_{name}", text)
        self.assertIn("1.0", lines[0])

    def test_program_chooses_processes(self):
        for pattern, dumps in (("names", 1), ("na*", 1), ("[m-o]ames", 1), ("other", 0),
                               ("name", 0)):
            result = self.run_small("names", program=pattern)
            self.assertEqual(len(result.dumps), dumps, pattern)

    def test_a_program_is_called_what_it_was_started_as(self):
        """As a server that is a link to a file with its tools, or a script."""
        with tempfile.TemporaryDirectory() as folder:
            link, script = pathlib.Path(folder, "server"), pathlib.Path(folder, "script")
            link.symlink_to(harness.small("names"))
            script.write_text(f"#!{harness.small('names')}\n")
            script.chmod(0o755)
            for command, pattern, program in ((link, "server", link), (link, "names", None),
                                              (script, "names", harness.small("names")),
                                              (script, "script", None)):
                dumps = harness.run([command], program=pattern).dumps
                self.assertEqual([dump["program"] for dump in dumps],
                                 [str(program)] if program else [], (command, pattern))

    def test_a_process_that_does_not_match_is_left_alone(self):
        with harness.running([harness.small("idle")], program="other", interval="0.1") as program:
            program.line()
            self.assertEqual(program.status("Threads"), "1")
            self.assertEqual(int(program.status("SigCgt"), 16), 0)

    def test_a_process_that_does_not_match_hears_nothing(self):
        with tempfile.NamedTemporaryFile("w", suffix=".supp") as file:
            file.write("nonsense\n")
            file.flush()
            self.assertEqual(self.warnings(program="other", help=1, depth="x",
                                           suppress=file.name), [])
        line, = self.warnings(program="x" * 300)         # no pattern: all match
        self.assertEqual(line, f'dmalloc: DMALLOC_PROGRAM: "{"x" * 60}..." is longer than 255 '
                               "bytes; using (all)")

    def test_depth(self):
        for depth in (1, 2, 3):
            dump = self.run_small("names", depth=depth).dump()
            self.assert_balanced(dump)
            self.assertTrue(all(len(site["frames"]) <= depth for site in dump["top"]))
            self.site(dump, "a_static_function")

    def test_top_and_sort(self):
        for top in (0, 1, 5):
            dump = self.run_small("sizes", top=top).dump()
            self.assertLessEqual(len(dump["top"]), top)
        dump = self.run_small("names", sort="bytes").dump()
        self.assertEqual([site["bytes"] for site in dump["top"]], [1003, 1002, 1001])
        dump = self.run_small("ways_out", "exit", status=3, sort="count").dump()
        counts = [site["live"] for site in dump["top"]]
        self.assertEqual(counts, sorted(counts, reverse=True))

    def test_trace(self):
        with tempfile.TemporaryFile() as output:     # a pipe may be full, a file is not
            done = subprocess.run([harness.small("frees")], check=True, stderr=output,
                                  env=harness.environment(trace=1, interval=0))
            output.seek(0)
            lines = output.read().decode().splitlines()
        self.assertEqual(done.returncode, 0)
        self.assertRegex(lines[0], r"^dmalloc\(\d+\): 0x[0-9a-f]+ = malloc\(48\)$")
        self.assertEqual(sum(" = malloc(48)" in line for line in lines), 1000)
        frees = sum(": free(0x" in line for line in lines)
        by_realloc = sum("= realloc(0x" in line for line in lines)
        self.assertEqual((frees, by_realloc), (980, 10))

    def test_a_trace_that_nobody_reads_any_more(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([harness.small("frees")], check=False, stderr=writer,
                              stdout=subprocess.DEVNULL,
                              env=harness.environment(trace=1, interval=0))
        os.close(writer)
        self.assertEqual(done.returncode, 0)     # and not killed by SIGPIPE

    def test_secure_programs_are_left_alone(self):
        """Under AT_SECURE (here: by a set-user-ID copy) nothing is read or written."""
        if harness.os.geteuid():
            self.skipTest("needs root to make a set-user-ID program")
        with tempfile.TemporaryDirectory() as folder:
            harness.os.chmod(folder, 0o777)
            program = pathlib.Path(folder, "program")
            library = shutil.copy(harness.LIBRARY, folder)
            program.write_bytes(pathlib.Path(harness.small("names")).read_bytes())
            harness.os.chown(program, 33, 33)
            program.chmod(0o6755)
            done = subprocess.run([program], check=False, capture_output=True, user=34, group=34,
                                  env=harness.environment(library, output=f"{folder}/dumps",
                                                          at_exit=1))
            self.assertEqual((done.returncode, done.stdout), (0, b""))
            self.assertFalse(pathlib.Path(folder, "dumps").exists())
