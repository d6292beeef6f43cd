"""Hazards of a preloaded allocator hook, one test each, that stand nowhere else.

docs/GUARANTEES.md names the test of every hazard.
"""

import contextlib
import fcntl
import itertools
import os
import pathlib
import pty
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import termios
import unittest

import harness

PLUGINS = harness.SMALL / "plugins"
LEAKING, THROWING, CHANGING = (str(PLUGINS / f"{name}.so")
                               for name in ("leaking", "throwing", "changing"))
INTERVALS = (0, "0.05")


class Hazards(harness.Case):

    def both(self, *command, intervals=INTERVALS, **how):
        """Runs a small program with and without the reporter; yields the Runs."""
        for interval in intervals:
            with self.subTest(interval=interval):
                result = self.run_small(*command, interval=interval, **how)
                self.assert_balanced(result.dump())
                yield result

    # Descriptors and signals.

    def test_no_byte_in_a_reused_descriptor(self):
        for _ in self.both("closed_numbers"):
            pass

    def test_a_reader_sees_the_end_of_stderr(self):
        """`x=$(daemon)` returns when the daemon has left its output, dumps or not."""
        for interval in INTERVALS:
            with harness.running([harness.small("leaves")], output="stderr", interval=interval,
                                 format="text", stderr=subprocess.PIPE) as program:
                said = program.process.stderr.read()        # until its end
                self.assertEqual(program.line(), "left")
                self.assertIsNone(program.process.poll())
                if interval:
                    self.assertIn(b"leaves, pid", said)

    def test_a_job_in_the_background_is_not_stopped(self):
        """A terminal with tostop stops who writes from there; a dump does not ask for it."""
        ours, terminal = pty.openpty()

        def take_terminal():
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            settings = termios.tcgetattr(terminal)
            settings[3] |= termios.TOSTOP
            termios.tcsetattr(terminal, termios.TCSANOW, settings)
        for interval in (1000, "0.05", 0):
            script = harness.small("idle") + " & trap '' USR1 HUP; sleep 1000"
            with tempfile.TemporaryFile() as said, subprocess.Popen(
                    ["/bin/bash", "-m", "-c", script], stdin=terminal, stdout=said,
                    stderr=terminal, preexec_fn=take_terminal,
                    env=harness.environment(interval=interval, program="idle")) as shell:
                try:
                    seen = b""
                    harness.wait_until(lambda: os.pread(said.fileno(), 9, 0) == b"idle\n", "it")
                    (job,) = harness.children(shell.pid, "idle")
                    os.kill(job, signal.SIGUSR1)
                    while b"dmalloc itself:" not in seen:
                        seen += os.read(ours, 100000)
                    state = pathlib.Path(f"/proc/{job}/stat").read_text().split()[2]
                    self.assertIn(state, "SR")
                finally:
                    for pid in (*harness.children(shell.pid, "idle"),
                                *harness.children(shell.pid, "sleep"), shell.pid):
                        os.kill(pid, signal.SIGKILL)
        os.close(ours)
        os.close(terminal)

    def test_no_call_is_interrupted(self):
        for _ in self.both("interrupted", "1000", intervals=("0.05",)):
            pass

    def test_a_process_deaf_to_all_signals(self):
        """It is dumped by the timer, and its masks are as they would be."""
        for way, masks in (("block", ("SigBlk", "SigIgn")), ("ignore", ("SigBlk", "SigIgn", "SigCgt"))):
            seen = []
            for preload in (False, True):
                with harness.running([harness.small("deaf"), way], preload=preload,
                                     interval="0.1") as program:
                    self.assertEqual(program.line(), "deaf")
                    seen.append([program.status(mask) for mask in masks])
                    if preload:
                        os.kill(program.pid, signal.SIGUSR1)
                        dump = program.await_dumps(3)[-1]
                        self.assert_balanced(dump)
                        self.assertEqual(dump["totals"]["live"], 1)
            self.assertEqual(seen[0], seen[1], way)

    def test_a_signal_ignored_from_the_start(self):
        with harness.running(["/bin/sh", "-c", "trap '' USR1; exec " + harness.small("idle")],
                             interval="0.1") as program:
            program.line()
            self.assertEqual(int(program.status("SigIgn"), 16) >> (signal.SIGUSR1 - 1) & 1, 1)
            os.kill(program.pid, signal.SIGUSR1)
            program.await_dumps(2)

    def test_our_handler_is_not_seen(self):
        """A program finds the default, also where it sets it; and can be asked."""
        for way in ("look", "reset"):
            seen = []
            for preload in (False, True):
                with harness.running([harness.small("actions"), way], preload=preload) as program:
                    seen.append(list(iter(program.line, "end")))
                    if preload:
                        dump = program.ask()
                        self.assert_balanced(dump)
                        self.assertEqual(dump["totals"]["live_bytes"], 123)
                        self.assertIsNone(dump["self"]["degraded"])
            self.assertGreater(len(seen[0]), 60)
            self.assertEqual(seen[0], seen[1], way)

    def test_a_signal_taken_and_given_back(self):
        """From its first own action on the signal is the program's, for ever."""
        command = [harness.small("actions"), "set"]
        plain = harness.run(command, preload=False)
        self.assertEqual(plain.status, -signal.SIGUSR1)
        self.assertEqual(len(plain.stdout.splitlines()), 8)
        for interval in INTERVALS:
            for name in ("USR1", "USR2"):
                seen = harness.run(command, interval=interval, signal=name)
                self.assertEqual((seen.status, seen.stdout), (plain.status, plain.stdout))

    def test_pythons_view_of_signals(self):
        script = ("import signal, faulthandler as f\n"
                  "for s in sorted(signal.valid_signals()): print(s, signal.getsignal(s))\n"
                  "print(signal.signal(signal.SIGUSR1, signal.SIG_DFL))\n"
                  "old = signal.signal(signal.SIGUSR1, lambda *_: print('mine'))\n"
                  "signal.raise_signal(signal.SIGUSR1); print(old)\n"
                  "print(signal.signal(signal.SIGUSR1, old) is not None)\n"
                  "f.register(signal.SIGUSR2, open('/dev/null'), chain=False)\n"
                  "print(f.unregister(signal.SIGUSR2), signal.getsignal(signal.SIGUSR2))\n")
        for number in ("USR1", "USR2"):
            plain, seen = (harness.run(["/usr/bin/python3", "-c", script], preload=preload,
                                       signal=number) for preload in (False, True))
            self.assertEqual((plain.status, plain.stderr), (0, b""))
            self.assertEqual((seen.status, seen.stdout, seen.stderr), (0, plain.stdout, b""))

    def test_stderr_keeps_its_flags(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with harness.running([harness.small("idle")], output="stderr", interval="0.05",
                             format="text", stderr=writer) as program:
            program.line()
            harness.wait_until(lambda: b"idle, pid" in os.read(reader, 100000), "a dump")
            self.assertFalse(os.get_blocking(writer))
        os.close(reader)
        os.close(writer)

    # Blocks.

    def test_blocks_of_code_that_does_not_know_us(self):
        for result in self.both("boundaries", LEAKING):
            self.assertGreaterEqual(result.dump()["totals"]["foreign_frees"], 4)

    def test_a_static_program_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            program = f"{folder}/program"
            subprocess.run(["gcc", "-static", "-D_GNU_SOURCE", "-o", program,
                            harness.ROOT / "tests/e2e/own_malloc.c"], check=True)
            result = harness.run([program])
            self.assertEqual((result.status, result.stderr, result.dumps), (0, b"", []))

    def test_a_sparse_block_stays_sparse(self):
        for _ in self.both("sparse"):
            pass

    def test_what_libc_allocates_for_its_caller(self):
        for result in self.both("streams"):
            for function in ("getline", "open_memstream", "realpath", "wcsdup"):
                sites = [site for site in result.dump()["top"]
                         if f"call_{function}" in harness.names(site)]
                self.assertEqual(sum(site["live"] for site in sites), 1, function)

    # Start and end.

    def test_exceptions_are_bound_past_libunwind(self):
        """libstdc++ of a program that has libgcc_s only through it."""
        ninja = shutil.which("ninja")
        if not ninja:
            self.skipTest("ninja is not installed")
        result = harness.run([ninja, "--version"], env={"LD_BIND_NOW": "1",
                                                        "LD_DEBUG": "bindings"})
        self.assertEqual(result.status, 0)
        bound = [line for line in result.stderr.decode().splitlines() if "`_Unwind_" in line]
        self.assertTrue([line for line in bound if "libstdc++" in line.split(" to ")[0]])
        for line in bound:
            self.assertIn("libgcc_s", line.split(" to ")[1])

    def test_blocks_of_before_the_start(self):
        for env in ({}, {"LD_BIND_NOW": "1"}):
            for result in self.both("early", env=env):
                self.assertLessEqual(result.dump()["totals"]["foreign_frees"], 10)

    def test_programs_with_a_sanitizer(self):
        """Their own functions stand before the C library's."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("thread", "address", "undefined"):
                program = f"{folder}/{name}"
                subprocess.run(["gcc", f"-fsanitize={name}", "-D_GNU_SOURCE", "-w", "-o", program,
                                harness.ROOT / "tests/e2e/burst.c"], check=True)
                # The address sanitizer refuses all preloads, unless it is told not to look.
                env = {"ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
                for interval in INTERVALS:
                    with self.subTest(name, interval=interval):
                        seen = harness.run([program], env=env, interval=interval)
                        self.assertEqual((seen.status, seen.stdout, seen.stderr), (0, b"", b""))

    def test_under_an_auditor(self):
        """LD_AUDIT keeps a part of the static TLS for itself."""
        with tempfile.TemporaryDirectory() as folder:
            source, auditor = pathlib.Path(folder, "audit.c"), f"{folder}/audit.so"
            source.write_text("unsigned la_version(unsigned v) { return v; }\n")
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", auditor, source], check=True)
            for program in ("frees", "throws", "threads"):
                for _ in self.both(program, env={"LD_AUDIT": auditor}):
                    pass

    def test_destructors_of_a_hundred_keys(self):
        for result in self.both("keys"):
            sites = [site for site in result.dump()["top"] if "at_the_end" in harness.names(site)]
            self.assertEqual(sum(site["live"] for site in sites), 101)
            self.assertEqual(sum(site["bytes"] for site in sites), 101 * 40)

    # Other processes.

    def test_the_environment_is_untouched(self):
        """Every byte of it, in its order; also of a child."""
        for interval in INTERVALS:
            env = harness.environment(interval=interval, output="/dev/null") | {
                "SOME": "thing", "EMPTY": "", "LATE": "=x="}
            expected = b"".join(f"{name}={value}\0".encode() for name, value in env.items())
            for parent in ([], ["/usr/bin/setsid", "--fork", "--wait"]):
                done = subprocess.run([*parent, "/usr/bin/env", "-0"], check=True,
                                      capture_output=True, env=env)
                self.assertEqual((done.stdout, done.stderr), (expected, b""))

    def test_children_of_no_fork_handler(self):
        """raw clone, _Fork and vfork: they end, and the parent keeps its reporter."""
        plain = None
        for interval in (None, *INTERVALS):
            with harness.running([harness.small("raw_children")], interval=interval or 0,
                                 preload=interval is not None) as program:
                self.assertEqual(program.line(), "waiting")
                before = len([dump for dump in program.dumps() if dump["pid"] == program.pid])
                plain = plain or program.status("Threads")
                if interval:
                    self.assertEqual(program.status("Threads"), "2")
                    harness.wait_until(lambda: len([dump for dump in program.dumps()
                                                    if dump["pid"] == program.pid]) > before + 2,
                                       "the parent's dumps")
                elif interval == 0:
                    self.assertEqual(program.status("Threads"), plain)
                if interval is not None:
                    self.assert_balanced(program.ask())

    def test_children_of_vfork_that_are_asked(self):
        """They have no reporter, and the parent keeps its own."""
        for interval in (0, 1000):
            with harness.running([harness.small("vfork_asked")], interval=interval) as program:
                self.assertEqual(program.line(), "waiting")
                self.assertEqual(program.status("Threads"), "2" if interval else "1")
                for count in range(1, 4):
                    os.kill(program.pid, signal.SIGUSR1)
                    harness.wait_until(lambda: len([dump for dump in program.dumps()
                                                    if dump["pid"] == program.pid]) == count,
                                       "the parent's dump")
                self.assertEqual(len({dump["pid"] for dump in program.dumps()}), 21)

    def test_threads_that_end_one_by_one(self):
        """The process ends when its own last thread does, whatever is left of us."""
        for how, status, said in (("main", 7, b""), ("worker", 7, b"worked\n"), ("child", 0, b""),
                                  ("strict", 0, b"")):
            command = [harness.small("last_threads"), how]
            plain = harness.run(command, preload=False)
            self.assertEqual((plain.status, plain.stdout), (status, said))
            for interval in (*INTERVALS, 1000):
                with self.subTest(how, interval=interval):
                    seen = harness.run(command, interval=interval)
                    self.assertEqual((seen.status, seen.stdout, seen.stderr), (status, said, b""))

    def test_a_first_thread_that_has_ended(self):
        """The others are dumped as before, on stderr, into a file and on request."""
        for interval in INTERVALS:
            for format in ("text", "json"):
                with harness.running([harness.small("last_threads"), "on"], interval=interval,
                                     format=format, stderr=subprocess.PIPE, **(
                                     {"output": "stderr"} if format == "text" else {})) as program:
                    self.assertEqual(program.line(), "on")
                    harness.wait_until(lambda: program.status("State").startswith("Z"), "its end")
                    if format == "json":
                        for _ in range(3):
                            self.assert_balanced(program.ask())
                    elif interval:
                        for _ in range(3):
                            harness.wait_until(lambda: b"on the timer" in
                                               program.process.stderr.read1(), "a dump")
                    else:
                        os.kill(program.pid, signal.SIGUSR1)
                        harness.wait_until(lambda: b"on SIGUSR1" in
                                           program.process.stderr.read1(), "a dump")

    def test_a_child_of_32_bits(self):
        """The loader leaves us out of it, and says so."""
        with tempfile.TemporaryDirectory() as folder:
            source, child = pathlib.Path(folder, "child.c"), f"{folder}/child"
            source.write_text("void *malloc(unsigned); void _exit(int);\n"
                              "void _start(void) { _exit(malloc(5) ? 7 : 1); }\n")
            made = subprocess.run(["gcc", "-m32", "-nostdlib", "-fno-pie", "-no-pie", "-fno-builtin",
                                   "-Wl,--dynamic-linker=/lib/ld-linux.so.2", "-o", child, source,
                                   "/lib32/libc.so.6"], check=False, capture_output=True)
            if made.returncode:
                self.skipTest("no 32-bit C library is installed")
            runs = False
            with contextlib.suppress(OSError):  # what no program of 32 bits may be started by
                runs = harness.run([child], preload=False).status == 7
            if not runs:
                self.skipTest("this kernel runs no program of 32 bits")
            result = harness.run(["/bin/sh", "-c", f"{child}; echo $?; {child}; exit $?"])
            self.assertEqual((result.status, result.stdout), (7, b"7\n"))
            for line in result.stderr.splitlines():
                self.assertRegex(line, rb"ELFCLASS64.*ignored")

    def test_a_program_in_real_time(self):
        """The reporter is not: a dump takes no time from who must not wait."""
        for option, policy in (("--fifo", 1), ("--rr", 2)):
            command = ["chrt", option, "1", harness.small("idle")]
            if subprocess.run([*command[:-1], "true"], check=False, capture_output=True).returncode:
                self.skipTest("this machine lets us have no real-time thread")
            with harness.running(command, interval="0.05") as program:
                self.assertEqual(program.line(), "idle")
                self.assert_balanced(program.await_dumps(2)[-1])
                policies = {int(task): os.sched_getscheduler(int(task))
                            for task in os.listdir(f"/proc/{program.pid}/task")}
                self.assertEqual(policies.pop(program.pid), policy)
                self.assertEqual(list(policies.values()), [os.SCHED_OTHER])

    def test_threads_that_change_identity_at_once(self):
        for _ in self.both("identity_storm"):
            pass

    def test_identity_changes_while_the_loader_is_busy(self):
        for _ in self.both("identity_loading", CHANGING):
            pass

    def test_handlers_while_identity_changes(self):
        """One that does so itself, one that ends the process, one that jumps away."""
        for interval in (0, 1000):
            for _ in range(10):
                self.run_small("identity_handlers", "exit", status=3, interval=interval)
            for way in ("nested", "jump"):
                with self.subTest(way, interval=interval):
                    with harness.running([harness.small("identity_handlers"), way],
                                         interval=interval) as program:
                        self.assertEqual(program.line(), "through")
                        self.assertEqual(program.status("Threads"), "2" if interval else "1")
                        self.assert_balanced(program.ask())

    def test_another_preload_in_any_order(self):
        faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
        if not os.path.exists(faketime):
            self.skipTest("libfaketime is not installed")
        env = {"FAKETIME": "-1000d"}
        for _ in self.both("threads", behind=(faketime,), env=env):
            pass
        done = harness.run([harness.small("frees")], preload=False,
                           behind=(faketime, str(harness.LIBRARY)), env=env)
        self.assertEqual((done.status, done.stdout), (0, b""))
        # With an allocator as well, in each order of the three.
        for order in itertools.permutations((str(harness.LIBRARY), "libtcmalloc_minimal.so.4",
                                             faketime)):
            done = harness.run([harness.small("threads")], preload=False, behind=order,
                               env=env | {"DMALLOC_INTERVAL": "0.05",
                                          "DMALLOC_OUTPUT": "/dev/null"})
            self.assertEqual((done.status, done.stdout, done.stderr), (0, b"", b""), order)

    def test_fakeroot(self):
        if not shutil.which("fakeroot"):
            self.skipTest("fakeroot is not installed")
        result = harness.run(["fakeroot", "sh", "-c", "touch f; chown 7:8 f; stat -c %u:%g f; id -u"],
                             cwd=tempfile.mkdtemp())
        self.assertEqual((result.status, result.stdout), (0, b"7:8\n0\n"), result.stderr)

    def test_a_time_namespace(self):
        command = ["unshare", "--time", "--boottime", "1000000000", "--monotonic", "1000000000",
                   "--fork", harness.small("frees")]
        if subprocess.run([*command[:-1], "true"], check=False, capture_output=True).returncode:
            self.skipTest("this machine lets nobody have a time namespace")
        for interval in INTERVALS:
            result = harness.run(command, interval=interval)
            self.assertEqual(result.status, 0, result.stderr)
            dumps = [dump for dump in result.dumps if dump["program"].endswith("/frees")]
            self.assert_balanced(dumps[-1])
            self.assertLess(dumps[-1]["uptime"], 100)

    # Limits.

    def test_a_filter_for_all_threads(self):
        """seccomp with TSYNC binds the reporter too: no dump, and no harm."""
        for interval in INTERVALS:
            for at_exit in (0, 1):
                result = harness.run([harness.small("sandboxed")], interval=interval,
                                     at_exit=at_exit)
                self.assertEqual((result.status, result.stdout), (0, b"allocated\n"))

    def test_no_system_call_but_for_memory(self):
        """The way of an allocation: a filter that kills finds nothing to kill for."""
        plain = harness.run([harness.small("sandboxed"), "kill"], preload=False)
        self.assertEqual((plain.status, plain.stdout), (0, b"allocated\n"))
        for interval in INTERVALS:
            # It ends by _exit, which may cut a dump off: nobody reads them here.
            result = harness.run([harness.small("sandboxed"), "kill"], interval=interval,
                                 output="/dev/null")
            self.assertEqual((result.status, result.stdout), (0, b"allocated\n"))

    def test_the_memory_is_what_the_dump_says(self):
        """What 64 live threads cost is in the tables, not in caches beside them."""
        plain = harness.run([harness.small("resident")], preload=False)
        for result in self.both("resident"):
            more = int(result.stdout) - int(plain.stdout)          # KiB
            self.assertLess(more << 10, result.dump()["self"]["table_bytes"] + (2 << 20))

    def test_little_stack(self):
        """An allocation takes 8 KiB of its stack at most, the C library's part too."""
        for result in self.both("stack_need"):
            self.assertLess(int(result.stdout), 8 << 10)

    def test_locked_memory(self):
        plain = harness.run([harness.small("locked")], preload=False)
        if plain.status == 77:
            self.skipTest("this machine locks no memory")
        for _ in self.both("locked"):
            pass
        plain = harness.run([harness.small("locked"), "at-once"], preload=False)
        result = harness.run([harness.small("locked"), "at-once"])
        more = int(result.stdout) - int(plain.stdout)              # KiB
        self.assertLess(more, 8 << 10)                             # a MiB for each thread

    def test_little_address_space(self):
        """Whatever the limit: what ran before runs."""
        for megabytes in range(8, 72, 4):
            def limit(size=megabytes << 20):
                resource.setrlimit(resource.RLIMIT_AS, (size, size))
            with harness.tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([harness.small("frees")], check=False, capture_output=True,
                                      preexec_fn=limit,
                                      env=harness.environment(**harness.SETTINGS | {
                                          "interval": "0.05", "output": f"{folder}/%p"}))
            self.assertEqual((done.returncode, done.stdout), (0, b""), (megabytes, done.stderr))

    def test_core_dumps_and_tracing_stay_possible(self):
        """The process is as dumpable as without us."""
        for preload in (False, True):
            with harness.running([harness.small("idle")], preload=preload,
                                 interval="0.05") as program:
                program.line()
                owner = os.stat(f"/proc/{program.pid}/environ")
                self.assertEqual((owner.st_uid, stat.S_IMODE(owner.st_mode)),
                                 (os.geteuid(), 0o400))

    def test_a_crash_leaves_its_core(self):
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        seen = []
        for settings in ({"preload": False}, {"interval": 0}, {"interval": "0.05"}):
            env = harness.environment(**{"output": "/dev/null"} | settings)
            with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
                    [harness.small("ways_out"), "abort"], cwd=folder, env=env,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most))
                    ) as process:
                _, status = os.waitpid(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, -signal.SIGABRT)
            seen.append(os.WCOREDUMP(status))
        self.assertEqual(seen, [seen[0]] * 3)

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_who_gave_root_up_is_as_hidden_as_before(self):
        """The kernel hides a process that was root's. That the reporter ends and
        starts anew changes nothing in it."""
        owners = []
        for settings in ({"preload": False}, {"interval": 0}, {"interval": "0.05"}):
            with harness.running([harness.small("give_up_root")], **settings) as program:
                self.assertEqual(program.line(), "given up")
                owners.append(os.stat(f"/proc/{program.pid}/environ").st_uid)
        self.assertEqual(owners, [owners[0]] * 3)

    # What a dump gives away.

    def test_a_module_with_a_name_to_fear(self):
        """Control bytes of a file's name go into no dump as they are."""
        with tempfile.TemporaryDirectory() as folder:
            name = f"{folder}/evil\x1b[2J\n>>> \"forged\\.so"
            shutil.copy(LEAKING, name)
            for form in ("json", "text"):
                result = harness.run([harness.small("dlopens"), name, THROWING], format=form,
                                     output="stderr" if form == "text" else f"{folder}/dumps")
                self.assertEqual(result.status, 0, result.stdout)
                text = result.stderr if form == "text" else \
                    pathlib.Path(folder, "dumps").read_bytes()
                self.assertIn(b"evil", text)
                self.assertNotIn(b"\x1b", text)
                self.assertNotRegex(text, rb"(?m)^>>> ")
            dump = harness.json.loads(text) if form == "json" else \
                harness.read_dumps([pathlib.Path(folder, "dumps")])[-1]
            self.assertIn(name, [module["path"] for module in dump["modules"]])

    # Much at once; the long runs are the torture suite's.

    def test_forks_of_many_threads(self):
        for _ in self.both("fork_storm", "64", "10", THROWING):
            pass

    def test_the_loader_against_the_unwinder(self):
        for result in self.both("loader_storm", "10", LEAKING, THROWING):
            self.assertEqual(result.dump()["totals"]["foreign_frees"], 0)

    def test_a_hundred_thousand_threads(self):
        for result in self.both("thread_churn", "100000", intervals=("0.5",)):
            self.assertGreaterEqual(result.dump()["totals"]["allocations"], 400000)
            self.assertLess(result.dump()["self"]["table_bytes"], 64 << 20)

    def test_a_storm_of_requests(self):
        """10,000 a second for 10 s."""
        for interval in INTERVALS:
            result = self.run_small("asked_often", "100", interval=interval, top=10)
            self.assertGreater(len(result.dumps), 5)
            self.assertEqual(result.dump()["totals"]["allocations"]
                             - result.dump()["totals"]["frees"], result.dump()["totals"]["live"])

    def test_jumps_out_of_malloc(self):
        """They may leave one block half counted each, or a second's at one callsite."""
        for interval in INTERVALS:
            result = self.run_small("jumps", behind=(str(PLUGINS / "bump.so"),),
                                    interval=interval)
            totals = result.dump()["totals"]
            self.assertLessEqual(abs(totals["allocations"] - totals["frees"] - totals["live"]),
                                 2000)
            self.assertGreater(totals["allocations"], 100000)
