#!/usr/bin/python3
"""What the tools make of files that are not what they should be."""

import gzip
import json
import os
import resource
import signal
import stat
import subprocess
import time
import unittest

from terminal import Terminal
from toolbox import SCRIPTS, ToolTest, make_dumps

# Each script with arguments that make it read one file.
READERS = (("diff", ("{}", "{}")), ("check", ("{}", "--max-bytes", "1G")),
           ("export", ("--to", "folded", "{}")), ("report", ("{}", "-o", "-")),
           ("top", ("--once", "{}")), ("symbolize", ("{}",)))


class BadInput(ToolTest):
    """Each script: one clear line and status 2, or a warning and what can be read."""

    def each_reader(self, path):
        for name, arguments in READERS:
            with self.subTest(script=name):
                yield name, [argument.format(path) for argument in arguments]

    def test_no_such_file(self):
        for name, arguments in self.each_reader("/nonexistent.jsonl"):
            self.assertIn("no such file", self.trouble(name, *arguments))

    def test_a_directory(self):
        for name, arguments in self.each_reader(self.folder):
            self.assertIn("directory", self.trouble(name, *arguments))

    def test_not_a_dump(self):
        for content in (b"", b"hello\nworld\n", os.urandom(5000), b"{}\n" * 5, b"\0" * 5000):
            path = self.write("other", content)
            for name, arguments in self.each_reader(path):
                self.trouble(name, *arguments)

    def test_nothing_but_a_broken_dump(self):
        path = self.write("other", b'{"dmalloc":')
        for name, arguments in self.each_reader(path):
            if name != "symbolize":      # a filter passes on what it cannot read
                self.tool(name, *arguments, status=2)
                self.assertIn("line 1 is cut short", self.said)

    def test_a_text_dump(self):
        path = self.write("text", ">>>>>>> Mon Nov 23 01:41:37 UTC 2026 <<<<<<\ndmalloc 1.0: x\n")
        for name, arguments in self.each_reader(path):
            if name != "symbolize":
                self.assertIn("DMALLOC_FORMAT=json", self.trouble(name, *arguments))

    def test_a_log_with_a_text_dump(self):
        path = self.write("log", "starting\n>>>>>>> Mon Nov 23 01:41:37 UTC 2026 <<<<<<\nmore\n")
        for name, arguments in self.each_reader(path):
            if name != "symbolize":
                self.assertIn("DMALLOC_FORMAT=json", self.trouble(name, *arguments))

    def test_wrong_shapes(self):
        good = next(make_dumps.history(dumps=1))
        for change in ({"pid": "x"}, {"totals": 5}, {"totals": {}}, {"ages": {}}, {"ages": [1]},
                       {"top": 7}, {"top": [[]]}, {"top": [{"live": 1}]}, {"modules": 3},
                       {"top": [{"live": 1, "bytes": 2, "frames": "x"}]},
                       {"top": [{"live": 1, "bytes": 2, "ages": [1]}]},
                       {"callsites": []}, {"sizes": 3}, {"dmalloc": "x"}):
            path = self.write("odd", self.line(good | change))
            for name, arguments in self.each_reader(path):
                if name != "symbolize":
                    self.tool(name, *arguments, status=2)
                    self.assertLessEqual(self.said.count("\n"), 2)

    def test_truncated_last_line(self):
        path, history = self.dumps(dumps=5)
        whole = path.read_bytes()
        for cut in (1, 300, len(self.line(history[-1])) - 5):
            path.write_bytes(whole[:-cut])
            for name, arguments in self.each_reader(path):
                self.tool(name, *arguments, status=2 if cut > 1 and name == "check" else 0)
                if cut > 1 and name not in ("symbolize", "top"):
                    self.assertIn("left out", self.said)
            out = self.tool("diff", path, path)
            self.assertIn("dump 5" if cut == 1 else "dump 4", out)

    def test_a_dump_cut_in_the_middle_of_the_file(self):
        first, second = make_dumps.history(dumps=2)
        path = self.write("cut", self.line(first)[:700] + self.line(second))
        self.assertIn("dump 2", self.tool("diff", path, path))

    def test_other_lines_between(self):
        path, _ = self.dumps(dumps=3)
        text = path.read_text().splitlines()
        path.write_text("starting\n" + "\nlistening on 80\n".join(text) + "\n")
        self.assertIn("dump 3", self.tool("diff", path, path))
        self.assertIn("3 lines between the dumps left out", self.said)

    def test_mixed_processes(self):
        pairs = zip(make_dumps.history(dumps=3, pid=11), make_dumps.history(dumps=3, pid=12, seed=2))
        path = self.write("mixed", "".join(self.line(dump) for pair in pairs for dump in pair))
        self.assertIn("choose one with --pid (11, 12)", self.trouble("diff", path, path))
        self.assertIn("pid 12", self.tool("diff", "--pid", 12, f"{path}:1", path, status=1))
        self.assertEqual(self.tool("check", path, "--max-total", "1G").count("SUMMARY"), 2)
        metrics = self.tool("export", "--to", "openmetrics", path)
        self.assertEqual(metrics.count("dmalloc_uptime_seconds{"), 2)

    def test_a_newer_version(self):
        _, history = self.dumps(dumps=1)
        newer = history[0] | {"dmalloc": 7, "new": {"thing": [1]}}
        newer["ages"] = newer["ages"] + [{"from": 10000, "to": None, "live": 0, "bytes": 0}]
        for entry in newer["top"]:
            entry["ages"].append(0)
            entry["age_bytes"].append(0)
        path = self.write("newer", self.line(newer))
        for name, arguments in self.each_reader(path):
            self.tool(name, *arguments)
            if name not in ("symbolize", "top"):
                self.assertIn("written by a newer dmalloc", self.said)

    def test_without_verdicts_and_ages(self):
        path, _ = self.dumps(dumps=4, verdicts=False)
        for name, arguments in self.each_reader(path):
            self.tool(name, *arguments)
        for to in ("pprof", "folded", "speedscope", "openmetrics", "heap"):
            self.tool("export", "--to", to, path)
        self.assertIn("no ages", self.trouble("check", path, "--older-than", 100))
        self.assertIn("no ages", self.trouble("export", "--to", "heap", "--older-than", 100, path))

    def test_nulls_and_figures_below_zero(self):
        _, (dump,) = self.dumps(dumps=1)
        for name in ("ages", "age_bytes", "survived", "verdict", "reason", "growth_per_minute"):
            dump["top"][0][name] = None
        dump["top"][0]["frames"] = [{"ip": "0x7f01", "module": None, "offset": None, "symbol": None,
                                     "symbol_offset": None}]
        dump["top"][1] |= {"live": -1, "bytes": -64}
        dump["ages"][0] |= {"live": -3, "bytes": -9}
        path = self.write("odd", self.line(dump))
        for name, arguments in self.each_reader(path):
            self.tool(name, *arguments)
        for to in ("pprof", "folded", "speedscope", "openmetrics", "heap"):
            self.tool("export", "--to", to, path)

    def test_frames_without_anything(self):
        _, (dump,) = self.dumps(dumps=1)
        dump["top"][0]["frames"] = [{}, {"ip": "0x10"}, {"symbol": "f"}, {"module": 99}]
        dump["top"][1]["frames"] = []
        del dump["top"][2]["frames"]
        path = self.write("bare", self.line(dump))
        for name, arguments in self.each_reader(path):
            self.tool(name, *arguments)
        for to in ("pprof", "speedscope", "openmetrics", "heap"):
            self.tool("export", "--to", to, path)

    def test_stdin_and_gzip(self):
        path, _ = self.dumps(dumps=3)
        zipped = self.write("heap.gz", gzip.compress(path.read_bytes()))
        wanted = self.tool("export", "--to", "folded", path)
        self.assertEqual(self.tool("export", "--to", "folded", "-", stdin=path.read_bytes()), wanted)
        self.assertEqual(self.tool("export", "--to", "folded", zipped), wanted)
        self.assertEqual(self.tool("export", "--to", "folded", "-", stdin=zipped.read_bytes()), wanted)
        self.assertEqual(self.tool("symbolize", zipped), self.tool("symbolize", path))

    def test_gzip_cut_short(self):
        """The whole dumps in it serve."""
        path, _ = self.dumps(dumps=60)
        whole = gzip.compress(path.read_bytes())
        cut = self.write("cut.gz", whole[:len(whole) * 3 // 4])
        for name, arguments in READERS:
            self.tool(name, *(argument.format(cut) for argument in arguments),
                      status=2 if name == "check" else 0)
            self.assertIn(f"{cut}: its gzip data is cut short", self.said)
        self.assertGreater(self.tool("symbolize", cut).count("\n"), 30)
        self.trouble("export", "--to", "folded", self.write("empty.gz", gzip.compress(b"")))

    def test_which_dump(self):
        path, _ = self.dumps(dumps=5)
        self.assertIn("dump 2,", self.tool("diff", f"{path}:2", f"{path}:2"))
        self.assertIn("dump 4,", self.tool("diff", f"{path}:-2", f"{path}:-2"))
        self.assertIn("no whole dump 9 in it", self.trouble("diff", path, f"{path}:9"))
        odd = self.write("odd:3", path.read_bytes())
        self.assertIn("dump 5,", self.tool("diff", odd, odd))

    def test_control_characters_do_not_reach_the_terminal(self):
        _, (dump,) = self.dumps(dumps=1)
        dump["program"] = "/tmp/a\x1b[31m\nb"
        dump["top"][0]["frames"][0]["symbol"] = "evil\x1b]0;x\x07"
        path = self.write("evil", self.line(dump))
        for name, arguments in (("diff", (path, path)), ("check", (path, "--max-total", 1)),
                                ("top", ("--once", path))):
            out = self.tool(name, *arguments, status=1 if name == "check" else 0)
            self.assertNotIn("\x1b", out)


class Streams(ToolTest):
    """Standard streams that are closed, or full."""

    def setUp(self):
        super().setUp()
        self.path, _ = self.dumps(dumps=3)

    def shell(self, name, *arguments, streams):
        done = subprocess.run(["sh", "-c", f'"$@" {streams}', "sh", SCRIPTS / f"dmalloc-{name}",
                               *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, check=False, text=True)
        self.assertNotIn("Traceback", done.stderr)
        return done.returncode, done.stderr

    def test_closed(self):
        for streams in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            for name, arguments in READERS:
                status, _ = self.shell(name, *(argument.format(self.path) for argument in arguments),
                                       streams=streams)
                self.assertEqual(status, 0, f"{name} {streams}")
        for name in ("diff", "dump"):
            self.assertEqual(self.shell(name, "--help", streams=">&-"), (0, ""))
        self.assertEqual(self.shell("symbolize", streams="<&-"),
                         (2, "dmalloc-symbolize: stdin: no dmalloc dump in it\n"))

    def test_full(self):
        for name, arguments in READERS:
            status, said = self.shell(name, *(argument.format(self.path) for argument in arguments),
                                      streams=">/dev/full")
            self.assertEqual(status, 2)
            self.assertIn(f"dmalloc-{name}: stdout: no space left on device\n", said)

    def test_no_room_for_a_copy(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        self.assertIn("a copy of stdin in ",
                      self.trouble("diff", "-", self.path, stdin=self.path.read_bytes(), preexec_fn=limit))


class Outputs(ToolTest):
    """The file of -o: its mode, its place, and what happens when it cannot be written."""

    WRITERS = (("symbolize", "{}", "-o"), ("report", "{}", "-o"), ("export", "--to", "folded", "{}", "-o"),
               ("export", "--to", "openmetrics", "{}", "-o"), ("check", "{}", "--max-total", "1G", "--junit"))

    def setUp(self):
        super().setUp()
        self.path, _ = self.dumps(dumps=3)

    def each_writer(self):
        for words in self.WRITERS:
            with self.subTest(words=words):
                yield [word.format(self.path) for word in words]

    def mode(self, path):
        return stat.S_IMODE(path.stat().st_mode)

    def test_the_umask_and_the_mode_of_what_is_there(self):
        out = self.folder / "out"
        for words in self.each_writer():
            for mask in (0o077, 0o022):
                self.tool(*words, out, umask=mask)
                # A collector is another user.
                self.assertEqual(self.mode(out), 0o644 if "openmetrics" in words else 0o666 & ~mask)
                out.unlink()
            out.touch(0o600)
            self.tool(*words, out)
            self.assertEqual(self.mode(out), 0o600)
            out.unlink()

    def test_an_input_is_not_replaced(self):
        before = self.path.read_bytes()
        (self.folder / "link").symlink_to(self.path)
        os.link(self.path, self.folder / "same")
        for words in self.each_writer():
            for name in (self.path, self.folder / "link", self.folder / "same"):
                self.tool(*words, name, status=2)
                self.assertIn("is the input", self.said)
        with open(self.path, "rb") as stdin:
            done = subprocess.run([SCRIPTS / "dmalloc-symbolize", "-o", self.path], stdin=stdin,
                                  stderr=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(self.path.read_bytes(), before)

    def test_a_link_stays(self):
        target, link = self.folder / "target", self.folder / "link"
        link.symlink_to("target")
        for words in self.each_writer():
            for _ in range(2):           # it is not there, it is
                self.tool(*words, link)
                self.assertTrue(link.is_symlink())
                self.assertGreater(target.stat().st_size, 0)
            target.unlink()

    def test_what_cannot_be_written_is_named(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        for words in self.each_writer():
            self.tool(*words, "/nonexistent/x", status=2)
            self.assertIn(": /nonexistent/x: no such file or directory\n", self.said)
            self.tool(*words, "/dev/full", status=2)
            self.assertIn(": /dev/full: no space left on device\n", self.said)
            out = self.folder / "out"
            self.tool(*words, out, status=2, preexec_fn=limit)
            self.assertIn(f": {out}: file too large\n", self.said)
            self.assertEqual(list(self.folder.iterdir()), [self.path])

    def test_nothing_stays_of_what_was_ended(self):
        with subprocess.Popen([SCRIPTS / "dmalloc-symbolize", "-o", self.folder / "out"],
                              stdin=subprocess.PIPE) as process:
            while len(list(self.folder.iterdir())) < 2:
                process.stdin.write(b"a line\n")
                process.stdin.flush()
                time.sleep(0.01)
            process.terminate()
            self.assertEqual(process.wait(60), -signal.SIGTERM)
        self.assertEqual(list(self.folder.iterdir()), [self.path])


class BigFile(ToolTest):
    """A file larger than the memory that the reader may have."""

    def test_streamed_in_bounded_memory(self):
        dump = next(make_dumps.history(dumps=1, callsites=400, top=400))
        path = self.folder / "big.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            for seq in range(1, 1201):
                file.write(json.dumps(dump | {"seq": seq, "uptime": float(seq)}) + "\n")
        self.assertGreater(path.stat().st_size, 500 << 20)

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (192 << 20, 192 << 20))
        out = self.tool("diff", f"{path}:3", path, preexec_fn=limit)
        self.assertIn("dump 1200", out)

        terminal = Terminal(SCRIPTS / "dmalloc-report", path, "-o", "/dev/null")
        terminal.read(3)
        self.assertRegex(terminal.output, r"dmalloc-report: +\d+ % of \d+\.\dMiB, [0-9,]+ dump")
        terminal.send("\x03")
        self.assertEqual(terminal.end(), 130)

    def test_one_endless_line(self):
        path = self.folder / "endless"
        with open(path, "wb") as file:
            file.truncate(2 << 30)       # zeros, no newline, no disk

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (192 << 20, 192 << 20))
        done = self.trouble("check", path, "--max-bytes", 1, preexec_fn=limit)
        self.assertIn("no dmalloc dump in it", done)


class Arguments(ToolTest):
    """Wrong arguments: one line that says what and where to read on."""

    def test_wrong_arguments(self):
        path, _ = self.dumps(dumps=1)
        for name, arguments in (("diff", ()), ("diff", ("--frob", path, path)),
                                ("check", (path,)), ("check", (path, "--max-bytes", "x")),
                                ("check", (path, "--verdict", "odd")),
                                ("check", (path, "--max-bytes", "1", "--older-than", "5000")),
                                ("export", (path,)), ("export", ("--to", "png", path)),
                                ("export", ("--to", "heap", "--every", "1", path)),
                                ("export", ("--to", "heap", "--older-than", "5000", path)),
                                ("report", (path,)), ("top", ()), ("top", ("--every", "0", path)),
                                ("symbolize", ("--sysroot", "/nonexistent", path)),
                                ("symbolize", ("--module", "x", path)),
                                ("export", ("--to", "folded", path, "-o", "/nonexistent/x"))):
            with self.subTest(script=name, arguments=arguments):
                self.trouble(name, *arguments)

    def test_a_process_without_dmalloc(self):
        self.assertIn("does not run under dmalloc",
                      self.trouble("export", "--to", "folded", os.getpid()))
        self.assertIn("there is no process", self.trouble("top", "--once", 4194303))

    def test_help(self):
        for name in ("top", "diff", "symbolize", "export", "report", "check"):
            self.assertIn(f"usage: dmalloc-{name} ", self.tool(name, "--help"))

    def test_a_machine_without_the_packages(self):
        path, _ = self.dumps(dumps=1)
        empty = {"PYTHONPATH": str(self.folder)}
        for module, package, name, arguments in (
                ("rich", "python3-rich", "top", ("--once", path)),
                ("jinja2", "python3-jinja2", "report", (path, "-o", "-")),
                ("google", "python3-protobuf", "export", ("--to", "pprof", path))):
            self.write(f"{module}.py", "raise ImportError\n")
            self.assertIn(f"apt install {package}", self.trouble(name, *arguments, environment=empty))
        self.assertIn("apt install elfutils", self.trouble(
            "symbolize", path, environment={"PATH": str(self.folder)}))


if __name__ == "__main__":
    unittest.main()
