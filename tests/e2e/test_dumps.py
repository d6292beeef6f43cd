"""When a dump is made, and where it goes."""

import contextlib
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import tempfile
import time

import harness


class Dumps(harness.Case):

    def test_an_idle_program_is_reported_at_each_interval(self):
        with harness.running([harness.small("idle")], interval="0.25") as program:
            self.assertEqual(program.line(), "idle")
            dumps = program.await_dumps(4)
        self.assertEqual([dump["seq"] for dump in dumps[:4]], [1, 2, 3, 4])
        for dump in dumps:
            self.assertEqual(dump["trigger"], "timer")
            self.assert_balanced(dump)
            self.assert_figures(dump["totals"], live=1, live_bytes=123)
        uptimes = [dump["uptime"] for dump in dumps]
        self.assertGreaterEqual(uptimes[3] - uptimes[0], 0.7)

    def test_an_idle_program_answers_a_signal_at_once(self):
        for interval in (1000, 0):           # with the reporter, and without one
            with harness.running([harness.small("idle")], interval=interval) as program:
                program.line()
                quickest = 10
                for number in range(1, 6):
                    start = time.monotonic()
                    dump = program.ask()
                    quickest = min(quickest, time.monotonic() - start)
                    self.assert_figures(dump, trigger="signal", seq=number)
                self.assert_balanced(dump)
                self.assertLess(quickest, 0.1)

    def test_another_signal(self):
        for name, number in (("SIGUSR2", signal.SIGUSR2), ("hup", signal.SIGHUP),
                             ("RTMIN+3", signal.SIGRTMIN + 3), ("12", 12)):
            with harness.running([harness.small("idle")], signal=name) as program:
                program.line()
                self.assertEqual(program.ask(number)["trigger"], "signal")

    def test_no_signal(self):
        with harness.running([harness.small("idle")], signal="none") as program:
            program.line()
            self.assertEqual(int(program.status("SigCgt"), 16), 0)
            os.kill(program.pid, signal.SIGUSR1)
            self.assertEqual(program.process.wait(10), -signal.SIGUSR1)

    def test_a_handler_of_the_program_wins(self):
        result = harness.run([harness.small("own_handler")], interval=1000)
        self.assertEqual((result.status, result.stdout), (0, b"seen 1\n"))
        self.assertEqual([dump["trigger"] for dump in result.dumps], ["exit"])
        self.assertIn("DMALLOC_SIGNAL=RTMIN+5", result.dump()["self"]["degraded"])

    def test_the_dump_at_exit(self):
        for way, status in (("exit", 3), ("return", 3), ("thread", 3)):
            result = self.run_small("ways_out", way, status=status)
            self.assertEqual([dump["trigger"] for dump in result.dumps], ["exit"], way)
            self.assertGreaterEqual(result.dump()["totals"]["live_bytes"], 10)
        self.assertEqual(self.run_small("ways_out", "_exit", status=3).dumps, [])
        self.assertEqual(self.run_small("ways_out", "abort", status=-6).dumps, [])
        self.assertEqual(self.run_small("ways_out", "exit", status=3, at_exit=0).dumps, [])

    def test_the_c_interface(self):
        result = self.run_small("c_interface", at_exit=0)
        (line,) = result.stdout.splitlines()
        dump = json.loads(line)
        self.assertEqual(dump["trigger"], "call")
        self.assert_balanced(dump)
        self.assert_figures(self.site(dump, "make", "main"), live=13, bytes=6500,
                            allocations=20, frees=7)
        absent = harness.run([harness.small("c_interface")], preload=False)
        self.assertEqual((absent.status, absent.stdout), (0, b"absent\n"))

    def test_one_dump_waits_for_another(self):
        result = self.run_small("two_dumps", interval=1000, at_exit=1)
        self.assertEqual(sorted(dump["trigger"] for dump in result.dumps),
                         ["call", "exit", "signal"])
        self.assertEqual(result.dump()["self"]["dumps_cut"], 0)

    def test_text_on_stderr(self):
        result = harness.run([harness.small("names")], format="text", output="stderr", top=2)
        lines = result.stderr.decode().splitlines()
        self.assertRegex(lines[0], r"^>{13} \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4} <{11}$")
        self.assertRegex(lines[1],
                         r"^dmalloc 1\.\d+: names, pid \d+, up [\d.]+ s, dump 1, at exit$")
        self.assertEqual(lines[2:8], [
            "Overall stats:",
            "3 Overall allocations since start",
            "2.9KiB Current total allocated size",
            "3 Current allocations",
            "2.9KiB Peak total allocated size",
            "0 Reallocations in place, 0 moved"])
        self.assertRegex(lines[8],
                         r"^Current allocations by size: \( # = 1 current allocations?\)$")
        self.assertIn("512 - 1024 bytes: ###  3, 2.9KiB", lines)
        self.assertTrue({"< 1 sec: ###  3, 2.9KiB", "< 10 sec: ###  3, 2.9KiB"} & set(lines))
        self.assertIn("Top 2 unfreed callsites by bytes, of 3: too early to tell which are growing", lines)
        self.assertRegex(lines[-1], "^dmalloc itself: ")


class Outputs(harness.Case):

    def test_file_patterns(self):
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):               # appended, never truncated
                result = harness.run([harness.small("frees")],
                                     output=f"{folder}/%c-%h-100%%.jsonl")
                self.assertEqual(result.stderr, b"")
            path = pathlib.Path(folder) / f"frees-{os.uname().nodename}-100%.jsonl"
            self.assertEqual(len(path.read_text().splitlines()), 2)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_processes_that_share_a_file(self):
        """Each dump is longer than what is written at once."""
        program = [shutil.which("perl"), "-e", "@a = map { [\"$_\"] } 1 .. 20000"]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "shared.jsonl")
            env = harness.environment(output=path, interval="0.02", at_exit=1, top="all",
                                      format="json")
            with contextlib.ExitStack() as stack:
                started = [stack.enter_context(harness.process_group(program, env))
                           for _ in range(4)]
                for process in started:
                    self.assertEqual(process.wait(harness.PATIENCE), 0)
            dumps = [json.loads(line) for line in path.read_bytes().splitlines()]
            self.assertGreater(path.stat().st_size, 65536 * len(dumps))
            self.assertEqual({dump["pid"] for dump in dumps if dump["trigger"] == "exit"},
                             {process.pid for process in started})

    def test_a_file_that_cannot_be_opened_is_told_once(self):
        result = harness.run([shutil.which("sleep"), "0.3"], output="/nowhere/x.jsonl",
                             interval="0.05")
        self.assertEqual((result.status, result.stderr),
                         (0, b"dmalloc: DMALLOC_OUTPUT: no such directory: /nowhere/x.jsonl\n"))

    def test_no_symlink_is_followed(self):
        with tempfile.TemporaryDirectory() as folder:
            victim, link = pathlib.Path(folder, "victim"), pathlib.Path(folder, "link")
            victim.write_text("untouched")
            link.symlink_to(victim)
            result = harness.run([harness.small("frees")], output=link)
            self.assertEqual((result.status, victim.read_text()), (0, "untouched"))

    def test_stderr_that_became_another_file(self):
        with tempfile.TemporaryDirectory() as folder:
            database = pathlib.Path(folder, "database")
            for interval in ("0.1", 0):
                result = harness.run([harness.small("stderr_reused"), str(database)],
                                     output="stderr", interval=interval)
                self.assertEqual(result.status, 0, result.stdout)
                self.assertEqual(database.read_text(), "mine\n")
                database.unlink()

    def test_a_full_pipe_holds_nobody(self):
        with harness.running([harness.small("busy")], output="stderr", interval="0.1",
                             stderr=harness.subprocess.PIPE) as program:
            pipe = program.process.stderr
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
            self.assertEqual(program.line(), "done")
            self.assertEqual(program.process.wait(30), 0)

    def test_a_full_pipe_without_a_reporter(self):
        with harness.running([harness.small("idle")], output="stderr", interval=0,
                             stderr=harness.subprocess.PIPE) as program:
            fcntl.fcntl(program.process.stderr, fcntl.F_SETPIPE_SZ, 4096)
            program.line()
            for _ in range(20):
                os.kill(program.pid, signal.SIGUSR1)
                time.sleep(0.01)
            harness.wait_until(lambda: program.status("SigPnd")[-8:] == "00000000",
                               "the handler's end")
            self.assertIn(program.status("State")[0], "SR")

    def test_a_closed_reader(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            with harness.running([harness.small("busy")], output="stderr", interval="0.1",
                                 at_exit=1, stderr=writer) as program:
                self.assertEqual(program.line(), "done")
                self.assertEqual(program.process.wait(30), 0)
        finally:
            os.close(writer)

    def test_a_full_disk_and_a_file_size_limit(self):
        with open("/dev/full", "wb") as full:
            with harness.running([harness.small("busy")], output="stderr", interval="0.1",
                                 at_exit=1, stderr=full) as program:
                self.assertEqual(program.line(), "done")
                self.assertEqual(program.process.wait(30), 0)
        with tempfile.TemporaryFile() as file:
            with harness.running(["/bin/sh", "-c", "ulimit -f 0; exec " + harness.small("busy")],
                                 output="stderr", interval="0.1", at_exit=1,
                                 stderr=file) as program:
                self.assertEqual(program.line(), "done")
                self.assertEqual(program.process.wait(30), 0)
            self.assertEqual(file.seek(0, os.SEEK_END), 0)

    def test_a_limit_of_memory(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))
        plain = harness.subprocess.run(
            [harness.small("frees")], preexec_fn=limit, check=False, capture_output=True,
            env=harness.environment(**harness.SETTINGS | {"output": "/dev/null"}))
        self.assertEqual((plain.returncode, plain.stdout), (0, b""), plain.stderr)
