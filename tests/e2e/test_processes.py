"""fork, exec, threads, users and descriptors."""

import os
import pathlib
import signal
import subprocess
import unittest

import harness


class Forks(harness.Case):

    def pids(self, result):
        """role -> pid, as the program said."""
        return {role: int(pid) for role, pid in
                (line.split() for line in result.stdout.decode().splitlines())}

    def test_a_child_forked_in_the_middle_of_a_dump(self):
        for way in ("fork", "_Fork"):
            result = self.run_small("forked_in_dump", way, interval=1000)
            dump = result.dump(int(result.stdout))
            self.assertEqual((dump["trigger"], dump["self"]["dumps_cut"]), ("call", 0))

    def test_a_child_goes_on_with_its_own_books(self):
        for interval in (0, 1000):
            result = self.run_small("forks", interval=interval)
            pids = self.pids(result)
            self.assertEqual(set(pids), {"parent", "child", "grandchild"})
            for role, inherited, own in (("parent", 10, 0), ("child", 7, 5),
                                         ("grandchild", 7, 6)):
                dump = result.dump(pids[role])
                self.assert_balanced(dump)
                self.assert_figures(dump, trigger="exit", pid=pids[role])
                self.assert_figures(dump["totals"], live=inherited + own, foreign_frees=0,
                                    live_bytes=inherited * 100 + own * 200)
                self.assert_figures(self.site(dump, "make_inherited"), live=inherited)
                if own:
                    sites = [site for site in dump["top"] if "make_own" in harness.names(site)]
                    self.assertEqual(sum(site["live"] for site in sites), own)

    def test_exec_starts_anew(self):
        result = self.run_small("forks", "exec")
        pids = self.pids(result)
        dump = result.dump(pids["child"])
        self.assert_balanced(dump)
        self.assert_figures(dump["totals"], allocations=2, live=2, live_bytes=400)
        self.assert_figures(result.dump(pids["parent"])["totals"], live=10)

    def test_an_idle_child_is_dumped_by_signal_and_by_timer(self):
        with harness.running([harness.small("fork_idle")], interval=1000) as program:
            child = int(program.line())
            dump = None

            def answered():
                nonlocal dump
                dump = next((dump for dump in program.dumps() if dump["pid"] == child), None)
                return dump
            os.kill(child, signal.SIGUSR1)
            harness.wait_until(answered, "the child's dump")
            self.assert_balanced(dump)
            self.assert_figures(dump["totals"], live=2, live_bytes=30)
        with harness.running([harness.small("fork_idle")], interval="0.2") as program:
            child = int(program.line())
            harness.wait_until(lambda: {dump["pid"] for dump in program.dumps()}
                               == {program.pid, child}, "both processes' dumps")

    def test_children_that_no_reporter_tells_the_time(self):
        """Those of _Fork and raw clone: what they allocate is born when it is."""
        dumps = self.run_small("raw_ages", interval=1000, at_exit=1).dumps
        self.assertEqual(len(dumps), 3)
        children = [dump for dump in dumps if dump["totals"]["live"] == 2]
        self.assertEqual(len(children), 2)
        for dump in children:
            self.assert_balanced(dump)
            self.assertEqual([row["bytes"] for row in dump["ages"][2:]], [77, 0, 0])
            self.assertEqual(sum(row["bytes"] for row in dump["ages"][:2]), 88)


class Threads(harness.Case):

    def test_glibc_keeps_its_single_thread_paths(self):
        for interval in (5, 0):
            result = self.run_small("single", interval=interval, at_exit=0)
            self.assertIn("single_threaded 1", result.stdout.decode())

    def test_no_reporter_without_an_interval(self):
        self.assertIn("threads 1", self.run_small("single", interval=0).stdout.decode())

    def test_the_reporter_blocks_all_signals_and_has_no_capability(self):
        with harness.running([harness.small("idle")]) as program:
            program.line()
            program.ask()
            tasks = [(entry / "status").read_text()
                     for entry in pathlib.Path(f"/proc/{program.pid}/task").iterdir()]
            self.assertEqual(len(tasks), 2)
            (reporter,) = [task for task in tasks if "\nSigBlk:\tfffffffffffbfeff" in task]
            self.assertIn("\nCapPrm:\t0000000000000000", reporter)
            self.assertIn("\nCapEff:\t0000000000000000", reporter)
            self.assertIn("\nNoNewPrivs:\t1", reporter)

    def test_a_namespace_of_its_own(self):
        def unshare(**how):
            return harness.run(["/usr/bin/unshare", "--user", "/bin/echo", "made"], **how)
        plain = unshare(preload=False)
        if plain.status:
            self.skipTest("this machine lets nobody unshare")
        profiled = unshare(interval=5, at_exit=0)
        self.assertEqual((profiled.status, profiled.stdout), (0, b"made\n"), profiled.stderr)


class Users(harness.Case):

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_no_task_stays_root(self):
        for interval in (5, "0.2", 0):
            result = harness.run([harness.small("give_up_root")], interval=interval, at_exit=0,
                                 output="stderr")
            self.assertEqual((result.status, result.stdout), (0, b"given up\n"))

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_no_task_keeps_a_group(self):
        for interval in (5, 0):
            self.run_small("give_up_groups", interval=interval)

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_a_program_of_another_user(self):
        with harness.running([harness.small("idle")], user=33) as program:
            program.line()
            self.assert_balanced(program.ask())


class Descriptors(harness.Case):

    def test_the_same_with_and_without(self):
        def listed(**how):
            return subprocess.run(["/bin/ls", "-l", "/proc/self/fd"], check=True,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  env=harness.environment(**how)).stdout.decode().splitlines()
        plain = [line.split()[8] for line in listed(preload=False)[1:]]
        for interval in (5, 0):
            self.assertEqual([line.split()[8] for line in listed(interval=interval)[1:]], plain)

    def test_the_same_after_dumps(self):
        with harness.running([harness.small("idle")], preload=False) as program:
            program.line()
            plain = set(program.descriptors())
        for interval in ("0.1", 0):
            with harness.running([harness.small("idle")], interval=interval) as program:
                program.line()
                for _ in range(3):
                    program.ask()
                harness.wait_until(lambda: set(program.descriptors()) == plain,
                                   "the output's descriptor to be closed")

    def test_the_environment_is_the_same(self):
        result = harness.run(["/usr/bin/env"], env={"SOME": "thing"})
        lines = result.stdout.decode().splitlines()
        self.assertIn("SOME=thing", lines)
        self.assertIn(f"LD_PRELOAD={harness.LIBRARY}", lines)
