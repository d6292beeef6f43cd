"""The house rules: who includes whom, which names go out, clean compilers."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import harness

SOURCE = harness.ROOT / "src"
MAY_INCLUDE = {"base": {"base"}, "books": {"base", "books"},
               "hook": {"base", "books", "hook"}, "dump": {"base", "books", "dump"}}
PUBLISHED = """
malloc calloc realloc free aligned_alloc memalign posix_memalign valloc pvalloc
malloc_usable_size
dmalloc_present dmalloc_dump dmalloc_totals
setuid seteuid setreuid setresuid setgid setegid setregid setresgid setgroups
initgroups unshare setns
sigaction signal bsd_signal ssignal sysv_signal __sysv_signal sigset siginterrupt
""".split()
# The reporter has no libc state: what it calls may not need any.
HARMLESS = re.compile(r"(mem|str)\w+|dm_\w+|_GLOBAL_OFFSET_TABLE_|__start_\w+|__stop_\w+")


def output_of(*command):
    """What COMMAND prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class House(harness.Case):

    def test_arrows(self):
        wrong = []
        for path in sorted(SOURCE.glob("*/*.[ch]")):
            for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE):
                wing = name.split("/")[0] if "/" in name else path.parent.name
                if name == "dmalloc.h":
                    continue
                if wing not in MAY_INCLUDE[path.parent.name]:
                    wrong.append(f"{path.relative_to(SOURCE)} includes {name}")
        self.assertEqual(wrong, [])

    def test_exported_names(self):
        lines = output_of("nm", "-D", "--defined-only", harness.LIBRARY).splitlines()
        names = {line.split()[-1].split("@")[0] for line in lines}
        self.assertEqual(names - {"free_sized", "free_aligned_sized"}, set(PUBLISHED))

    def test_the_dump_wing_needs_nothing_of_libc(self):
        objects = sorted((harness.ROOT / "build/obj/dump").glob("*.os"))
        self.assertTrue(objects)
        wrong = []
        for path in objects:
            for line in output_of("nm", "-u", path).splitlines():
                if not HARMLESS.fullmatch(line.split()[-1]):
                    wrong.append(f"{path.name} needs {line.split()[-1]}")
        self.assertEqual(wrong, [])

    def test_exceptions_stay_with_libgcc(self):
        """libunwind exports _Unwind_* too; whoever stands first is bound."""
        needed = re.findall(r"NEEDED\s+(\S+)", output_of("objdump", "-p", harness.LIBRARY))
        if any(name.startswith("libunwind") for name in needed):
            self.assertEqual(needed[0], "libgcc_s.so.1")

    def test_shell_scripts(self):
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is not installed")
        scripts = [path for folder in ("scripts", ".ci") for path in
                   (harness.ROOT / folder).iterdir()
                   if path.is_file() and path.read_bytes().startswith(b"#!/bin/sh")]
        self.assertTrue(scripts)
        done = subprocess.run(["shellcheck", *scripts], check=False, capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_clang_has_nothing_to_say(self):
        if not shutil.which("clang"):
            self.skipTest("clang is not installed")
        for path in sorted(SOURCE.glob("**/*.c")):
            done = subprocess.run(
                ["clang", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2",
                 "-fPIC", "-fvisibility=hidden", "-I", SOURCE, "-I", harness.ROOT / "include",
                 "-fsyntax-only", path], check=False, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_file_says_what_it_is(self):
        for path in sorted(SOURCE.glob("**/*.[ch]")):
            self.assertRegex(path.read_text().splitlines()[0], rf"^/\* {re.escape(path.name)} -- ")

    def test_no_ifdef_in_a_function(self):
        for path in sorted(SOURCE.glob("**/*.[ch]")):
            depth = 0
            for line in path.read_text().splitlines():
                if line.startswith("{"):
                    depth = 1
                elif line.startswith("}"):
                    depth = 0
                self.assertFalse(depth and re.match(r"\s*#\s*if", line), f"{path.name}: {line}")

    def test_each_guarantee_names_a_test(self):
        """The tests that docs/GUARANTEES.md names are there, in the files that it names."""
        text = (harness.ROOT / "docs/GUARANTEES.md").read_text()
        tests = {path.stem.removeprefix("test_"): path.read_text()
                 for folder in ("e2e", "torture", "unit")
                 for path in (harness.ROOT / "tests" / folder).glob("test_*")}
        # That file makes a test of each rule in the table of its program.
        rules = (harness.ROOT / "tests/e2e/malloc_rules.c").read_text()
        tests["malloc_rules"] += "".join(f"def test_{rule}(" for rule in
                                         re.findall(r'\{ "(\w+)", \w+ \}', rules))
        named = re.findall(r"\b([a-z_]+):?\s((?:`test_\w+`(?:,\s)?)+)", text)
        self.assertGreater(len(named), 40)
        self.assertEqual(text.count("`test_"), sum(row.count("`test_") for _, row in named))
        missing = [(file, test) for file, row in named for test in re.findall(r"`(\w+)`", row)
                   if f"def {test}(" not in tests.get(file, "")]
        self.assertEqual(missing, [])

    def test_install(self):
        with tempfile.TemporaryDirectory() as folder:
            # In a copy: the scons that runs this test has not yet written down what it has
            # built, so another one would build it again under the other tests.
            tree = shutil.copytree(harness.ROOT, f"{folder}/tree", symlinks=True,
                                   ignore=shutil.ignore_patterns("build", ".git", ".scons*",
                                                                 "node_modules", "__pycache__"))
            done = subprocess.run(["scons", "-Q", "install", f"DESTDIR={folder}", "PREFIX=/usr"],
                                  cwd=tree, check=False, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            root = pathlib.Path(folder, "usr")
            for name in ("lib/libdmalloc.so", "include/dmalloc.h", "bin/dmalloc-run",
                         "bin/dmalloc-dump"):
                self.assertTrue((root / name).exists(), name)
            done = subprocess.run([root / "bin/dmalloc-run", "--at-exit", "/bin/true"],
                                  check=False, capture_output=True, text=True,
                                  env=harness.environment(preload=False))
            self.assertIn("Overall stats:", done.stderr)
