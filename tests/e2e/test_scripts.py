"""dmalloc-dump, and the look at a small program."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness
from harness import SCRIPTS, script


class Dump(harness.Case):

    def test_it_shows_the_dump_here(self):
        for interval in (1000, 0):
            with harness.running([harness.small("idle")], interval=interval) as program:
                program.line()
                status, stdout, stderr = script("dmalloc-dump", program.pid)
                self.assertEqual((status, stderr), (0, ""))
                self.assertIn("Overall stats:", stdout)
                self.assertIn("\ndmalloc itself: ", stdout)
                status, stdout, stderr = script("dmalloc-dump", "--json", "--all", program.pid)
                self.assertEqual((status, stderr), (0, ""))
                dump = json.loads(stdout)
                self.assert_figures(dump, trigger="signal", pid=program.pid)
                self.assert_balanced(dump)
                self.assertEqual(program.dumps(), [])    # nothing went elsewhere

    def test_the_signal_of_the_process(self):
        with harness.running([harness.small("idle")], signal="RTMIN+4") as program:
            program.line()
            status, stdout, _ = script("dmalloc-dump", "--json", program.pid)
            self.assertEqual(status, 0)
            self.assertEqual(json.loads(stdout)["pid"], program.pid)

    def test_a_library_with_another_name(self):
        """Whose signal is still the one that the process was started with."""
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(harness.LIBRARY, f"{folder}/heap\nhook.so")
            for settings in ({"interval": 1000}, {"interval": 0}, {"interval": 0, "signal": "USR2"}):
                with harness.running([harness.small("idle")], preload=copy,
                                     **settings) as program:
                    program.line()
                    status, stdout, stderr = script("dmalloc-dump", "--json", program.pid)
                    self.assertEqual((status, stderr), (0, ""), settings)
                    self.assertEqual(json.loads(stdout)["pid"], program.pid)

    def test_a_process_whose_first_thread_has_ended(self):
        for interval in (1000, 0):
            with harness.running([harness.small("last_threads"), "on"],
                                 interval=interval) as program:
                self.assertEqual(program.line(), "on")
                harness.wait_until(lambda: program.status("State").startswith("Z"), "its end")
                status, stdout, stderr = script("dmalloc-dump", "--json", program.pid)
                self.assertEqual((status, stderr), (0, ""))
                self.assertEqual(json.loads(stdout)["pid"], program.pid)

    def test_all_callsites(self):
        with harness.running([harness.small("ages")], top=1) as program:
            script_all = ["--json", "--all", program.pid]
            harness.wait_until(lambda: program.status("State").startswith("S"), "its sleep")
            self.assertLessEqual(
                len(json.loads(script("dmalloc-dump", "--json", program.pid)[1])["top"]), 1)
            self.assert_balanced(json.loads(script("dmalloc-dump", *script_all)[1]))

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_root_asks_another_users_process(self):
        with harness.running([harness.small("idle")], user=33) as program:
            program.line()
            status, stdout, stderr = script("dmalloc-dump", "--json", program.pid)
            self.assertEqual((status, stderr), (0, ""))
            self.assertEqual(json.loads(stdout)["pid"], program.pid)

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_root_asks_a_daemon_that_gave_up_root(self):
        with harness.running([harness.small("daemon")]) as program:
            program.line()
            status, stdout, stderr = script("dmalloc-dump", "--json", program.pid)
            self.assertEqual((status, stderr), (0, ""))
            self.assert_figures(json.loads(stdout)["totals"], live=1, live_bytes=55)

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_another_user_may_not(self):
        with harness.running([harness.small("idle")]) as program:
            program.line()
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)
                copy = shutil.copytree(SCRIPTS, f"{folder}/scripts")
                done = subprocess.run([f"{copy}/dmalloc-dump", str(program.pid)], check=False,
                                      capture_output=True, text=True, user=33, group=33)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, r"\Admalloc-dump: [^\n]*user[^\n]*\n\Z")

    def test_who_cannot_be_asked(self):
        with harness.running([harness.small("idle")], preload=False) as program:
            program.line()
            status, _, stderr = script("dmalloc-dump", program.pid)
            self.assertEqual(status, 2)
            self.assertIn("does not run under dmalloc", stderr)
            gone = program.pid
        status, _, stderr = script("dmalloc-dump", gone)
        self.assertEqual(status, 2)
        self.assertIn(f"process {gone}", stderr)
        for settings in ({"signal": "none"}, {"program": "other"}):
            with harness.running([harness.small("idle")], **settings) as program:
                program.line()
                status, _, stderr = script("dmalloc-dump", program.pid)
                self.assertEqual((status, len(stderr.splitlines())), (2, 1))
                self.assertIsNone(program.process.poll())    # and it was not killed

    def test_a_process_that_took_the_signal(self):
        """Its own handler is not called by who asks for a dump."""
        program_text = "trap 'echo mine; exit' USR1; echo set; while :; do sleep 0.1; done"
        with harness.running(["/bin/sh", "-c", program_text], interval="0.1") as program:
            self.assertEqual(program.line(), "set")
            harness.wait_until(lambda: "dmalloc:0" in self.task_names(program.pid), "its name")
            status, _, stderr = script("dmalloc-dump", program.pid)
            self.assertEqual((status, len(stderr.splitlines())), (2, 1))
            self.assertIn("handles USR1 itself", stderr)
            os.kill(program.pid, signal.SIGUSR1)
            self.assertEqual(program.line(), "mine")

    def test_the_reporter_says_the_signal(self):
        """Also where the environment no longer does."""
        with harness.running([harness.small("idle")], signal="USR2") as program:
            program.line()
            harness.wait_until(lambda: "dmalloc:12" in self.task_names(program.pid), "its name")
            self.assertEqual(script("dmalloc-dump", "--json", program.pid)[0], 0)

    def task_names(self, pid):
        """The names of process PID's threads."""
        return [path.read_text().strip()
                for path in pathlib.Path(f"/proc/{pid}/task").glob("*/comm")]

    def test_a_stopped_process(self):
        with harness.running([harness.small("idle")]) as program:
            program.line()
            os.kill(program.pid, signal.SIGSTOP)
            harness.wait_until(lambda: program.status("State").startswith("T"), "its stop")
            status, _, stderr = script("dmalloc-dump", program.pid)
            self.assertEqual((status, stderr), (2, f"dmalloc-dump: process {program.pid} is stopped "
                                                   "and cannot answer\n"))
            os.kill(program.pid, signal.SIGCONT)
            self.assertEqual(script("dmalloc-dump", program.pid)[0], 0)
            self.assertEqual(program.dumps(), [])

    def test_a_process_that_does_not_answer(self):
        """The signal is blocked in all its threads."""
        with harness.running([harness.small("deaf"), "block"], interval=0) as program:
            program.line()
            status, _, stderr = script("dmalloc-dump", "--timeout", "0.01", program.pid)
            self.assertEqual((status, len(stderr.splitlines())), (2, 1))
            self.assertIn("did not answer in 0.01 s: it may have taken USR1", stderr)

    def test_a_request_that_gets_lost(self):
        """It is sent again; and should both arrive, one is shown and none goes elsewhere."""
        asker = ("import sys, time; sys.path.insert(0, sys.argv[1])\n"
                 "from dmalloc_tools import ask\n"
                 "send, sent, ask.AGAIN_SECONDS = ask.sigqueue, [], 0.1\n"
                 "def sigqueue(*words):\n"
                 "    sent.append(words)\n"
                 "    for _ in range(3 if len(sent) == 2 else 0):\n"
                 "        send(*words)\n"
                 "        time.sleep(0.05)\n"
                 "ask.sigqueue = sigqueue\n"
                 "sys.stdout.buffer.write(ask.dump(int(sys.argv[2]), json=sys.argv[3] == 'json'))")
        for form in ("json", "text"):
            with harness.running([harness.small("idle")]) as program:
                program.line()
                done = subprocess.run(["python3", "-c", asker, SCRIPTS / "lib", str(program.pid), form],
                                      check=True, timeout=60, capture_output=True, text=True)
                if form == "json":
                    self.assertEqual(json.loads(done.stdout)["pid"], program.pid)
                else:
                    self.assertEqual(done.stdout.count("\ndmalloc itself: "), 1)
                self.assertEqual(program.dumps(), [])

    @unittest.skipUnless(pathlib.Path("/proc/2/comm").exists()
                         and pathlib.Path("/proc/2/comm").read_text() == "kthreadd\n", "needs kthreadd")
    def test_a_thread_of_the_kernel(self):
        self.assertEqual(script("dmalloc-dump", 2),
                         (2, "", "dmalloc-dump: 2 is a thread of the kernel\n"))

    def test_a_static_program(self):
        with harness.running([harness.small("idle_static")]) as program:
            program.line()
            self.assertEqual(script("dmalloc-dump", program.pid)[2],
                             f"dmalloc-dump: process {program.pid} is statically linked: it cannot "
                             "be tracked\n")

    def test_bad_input_is_one_line(self):
        for words in ([], ["abc"], ["0"], ["-5"], ["--bogus", "1"], ["--timeout", "x", "1"],
                      ["99999999999"]):
            status, stdout, stderr = script("dmalloc-dump", *words)
            self.assertEqual((status, stdout), (2, ""), words)
            self.assertRegex(stderr, r"\Admalloc-dump: [^\n]+\n\Z")


class HelloWorld(unittest.TestCase):

    def test_the_look_at_a_small_program(self):
        program = harness.ROOT / "build/tests/hello_world"
        plain = subprocess.run([program], check=True, capture_output=True,
                               env=harness.environment(preload=False))
        traced = subprocess.run([program], check=True, capture_output=True,
                                env=harness.environment(trace=1))
        self.assertEqual(traced.stdout, plain.stdout)
        lines = traced.stderr.decode().splitlines()
        self.assertTrue(all(line.startswith("dmalloc(") for line in lines), lines)
        self.assertTrue(any(line.endswith(" = malloc(1536)") for line in lines))
        mallocs = sum(" = malloc(" in line or " = calloc(" in line for line in lines)
        frees = sum(": free(0x" in line for line in lines)
        self.assertGreater(mallocs, frees)
