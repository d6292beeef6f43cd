#!/usr/bin/python3
"""dmalloc-symbolize: lines and inlined functions from every place they may be."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import unittest

from toolbox import ToolTest, needs, make_dumps

SOURCE = """\
#include <cstdio>
#include <execinfo.h>
void *stack[8];
int count;
static inline __attribute__((always_inline)) void inner()
{
  count = backtrace(stack, 8);
}
__attribute__((noinline)) void outer()
{
  inner();
  asm volatile("");
}
extern char __executable_start;
int main()
{
  outer();
  for (int i = 0; i < 2; i++)
    std::printf("%#lx\\n", (long) stack[i] - (long) &__executable_start);
}
"""


@needs("eu-addr2line", "elfutils")
@needs("g++", "g++")
class Symbolize(ToolTest):
    def setUp(self):
        super().setUp()
        self.write("a.cc", SOURCE)
        self.program = self.folder / "prog"
        self.sh("g++", "-O2", "-g", "-Wl,--build-id", "a.cc", "-o", "prog")
        self.offsets = self.sh("./prog").split()
        notes = self.sh("eu-unstrip", "-n", "-e", "prog")
        self.build_id = notes.split()[1].split("@")[0]

    def sh(self, *command):
        return subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def dump(self, path=None):
        """A dump whose one callsite is the program's own stack."""
        dump = next(make_dumps.history(dumps=1))
        dump["modules"] = [{"path": str(path or self.program), "build_id": self.build_id,
                            "base": "0x5500000000"}]
        dump["top"] = dump["top"][:1]
        dump["top"][0]["frames"] = [{"ip": "0x1", "module": 0, "offset": offset, "symbol": None}
                                    for offset in self.offsets]
        return dump

    def frames(self, dump, *options, **settings):
        out = self.tool("symbolize", *options, self.write("in", self.line(dump)), **settings)
        return json.loads(out)["top"][0]["frames"]

    def check(self, frames):
        """The frames have their lines and the inlined function."""
        outer, main = frames
        self.assertEqual((outer["symbol"], main["symbol"]), ("outer()", "main"))
        self.assertTrue(outer["file"].endswith("a.cc"), outer)
        self.assertEqual((outer["line"], main["line"]), (11, 17))
        (inner,) = outer["inlined"]
        self.assertEqual((inner["symbol"], inner["line"]), ("inner", 7))

    def strip(self):
        """Moves the debug information into prog.debug, which nothing refers to."""
        self.sh("objcopy", "--only-keep-debug", "prog", "prog.debug")
        self.sh("strip", "prog")

    def test_in_the_program(self):
        self.check(self.frames(self.dump()))
        self.assertEqual(self.said, "")

    def test_by_debug_link(self):
        self.strip()
        self.sh("objcopy", "--add-gnu-debuglink=prog.debug", "prog")
        self.check(self.frames(self.dump()))

    def test_in_a_build_id_folder_under_a_sysroot(self):
        self.strip()
        root = self.folder / "root"
        folder = root / "usr/lib/debug/.build-id" / self.build_id[:2]
        folder.mkdir(parents=True)
        shutil.copy(self.folder / "prog.debug", folder / f"{self.build_id[2:]}.debug")
        (root / "srv").mkdir()
        shutil.copy(self.program, root / "srv/prog")
        self.check(self.frames(self.dump("/srv/prog"), "--sysroot", root))
        os.unlink(root / "srv/prog")             # the debug file alone is enough
        self.check(self.frames(self.dump("/srv/prog"), "--sysroot", root))

    @needs("debuginfod", "debuginfod")
    def test_by_debuginfod(self):
        self.strip()
        (self.folder / "served").mkdir()
        shutil.move(self.folder / "prog.debug", self.folder / "served/prog.debug")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(["debuginfod", "-d", ":memory:", "-p", str(port), "-F", "served"],
                                  cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (server.kill(), server.wait()))
        environment = {"DEBUGINFOD_URLS": f"http://127.0.0.1:{port}/", "HOME": str(self.folder),
                       "DEBUGINFOD_CACHE_PATH": str(self.folder / "cache")}
        for attempt in range(40):                # until it has looked through its folder
            time.sleep(0.5)
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            frames = self.frames(self.dump(), environment=environment)
            if "file" in frames[0]:
                break
        self.check(frames)

    def test_another_build_is_not_believed(self):
        dump = self.dump()
        dump["modules"][0]["build_id"] = "11" * 20
        self.assertEqual(self.frames(dump), dump["top"][0]["frames"])
        self.assertIn("no file of the same build found for prog", self.said)

    def test_what_cannot_be_resolved_stays(self):
        dump = self.dump("/nonexistent/prog")
        dump["note"] = "ü"
        text = self.line(dump) + "something else\n" + '{"dmalloc":broken\n'
        out = self.tool("symbolize", self.write("in", text))
        lines = out.splitlines()
        self.assertEqual(json.loads(lines[0]), dump)
        self.assertEqual(lines[1:], ["something else", '{"dmalloc":broken'])

    def test_a_frame_that_a_signal_interrupted(self):
        dump = self.dump()
        for frame in dump["top"][0]["frames"]:
            frame |= {"offset": hex(int(frame["offset"], 16) - 1), "interrupted": True}
        self.check(self.frames(dump))

    def text_dump(self):
        return (">>>>>>>>>>>>> Mon Nov 23 01:41:37 UTC 2026 <<<<<<<<<<<\n"
                "dmalloc 1.0: prog, pid 4194303, up 1.0 s, dump 1, on SIGUSR1\n"
                " 1. 40.2MiB in 20,480 allocations\n"
                f"        _Z5outerv+0x1d (prog+{self.offsets[0]})\n"
                f"        prog+{self.offsets[1]}\n"
                "        other+0x1 (gone.so+0x12)\n"
                "dmalloc itself: 1.0MiB of tables\n")

    def test_text(self):
        text = self.text_dump()
        out = self.tool("symbolize", "--module", f"prog={self.program}", stdin=text.encode())
        source = str(pathlib.Path(self.folder / "a.cc").resolve())
        lines = text.splitlines()
        self.assertEqual(out.splitlines(), [
            *lines[:3], f"        inner at {source}:7 (inlined)", f"{lines[3]} at {source}:11",
            f"{lines[4]} at {source}:17", *lines[5:]])

    def test_text_without_its_module_stays(self):
        text = self.text_dump()
        self.assertEqual(self.tool("symbolize", stdin=text.encode()), text)

    def test_the_others_use_the_lines(self):
        symbolized = self.folder / "out"
        self.tool("symbolize", self.write("in", self.line(self.dump())), "-o", symbolized)
        self.assertIn(";main;outer();inner ",
                      self.tool("export", "--to", "folded", symbolized))
        self.assertIn("a.cc:11", self.tool("check", symbolized, "--max-total", 1, "--max-bytes", 1,
                                           status=1))
        supp = self.write("s", "leak:a.cc\n")
        self.tool("check", symbolized, "--max-bytes", 1, "--suppressions", supp)


if __name__ == "__main__":
    unittest.main()
