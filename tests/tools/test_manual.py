#!/usr/bin/python3
"""The man pages and the completion say what the scripts' --help says."""

import os
import re
import subprocess
import unittest

from toolbox import ROOT, SCRIPTS, ToolTest, needs

MANUAL = ROOT / "docs/man"
NAMES = ("run", "dump", "top", "diff", "symbolize", "export", "report", "check")


def options(name):
    """The options that a script's --help lists."""
    text = subprocess.run([SCRIPTS / f"dmalloc-{name}", "--help"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    text = text.split("\nexit status")[0].split("\n  dmalloc-")[0].replace("dmalloc-run --top", "")
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


class Manual(ToolTest):
    def test_every_option_is_in_its_page_and_no_other(self):
        for name in NAMES:
            with self.subTest(script=name):
                source = (MANUAL / f"dmalloc-{name}.1.scd").read_text()
                own = source.split("# EXAMPLES")[0]
                headings = " ".join(re.findall(r"^\*.*$", own, re.MULTILINE))
                described = set(re.findall(r"\*(--[a-z][a-z-]*)\*", headings))
                self.assertEqual(described, options(name))

    def test_the_pages_of_docs_use_options_that_exist(self):
        for page in ("TOUR.md", "LEAKS.md", "FLEET.md", "ci/CMakeLists.txt", "ci/github-actions.yml"):
            text = (ROOT / "docs" / page).read_text().replace("\\\n", " ")
            for name, arguments in re.findall(r"dmalloc-([a-z]+)\b((?: +[^\s|;>]+)*)", text):
                own = arguments.split(" -- ")[0]
                for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", own):
                    self.assertIn(option, options(name), f"{page}: dmalloc-{name}")

    def test_the_hunt_of_the_leak_page_can_be_repeated(self):
        """Its files are there; the lines that it quotes of the program and of the fix are theirs.
        tests/e2e/test_leaks.py runs both."""
        page = (ROOT / "docs/LEAKS.md").read_text()
        for path in set(re.findall(r"docs/leaks/\w+\.\w+", page)):
            self.assertTrue((ROOT / path).is_file(), path)
        program = (ROOT / "docs/leaks/shop.c").read_text().splitlines()
        fix = (ROOT / "docs/leaks/fix.patch").read_text().splitlines()
        quoted = [line[4:] for line in page.splitlines()]
        for line in fix[3:]:
            self.assertIn(line.rstrip(), [line.rstrip() for line in quoted])
        for number, line in re.findall(r"^    (\d\d)  (.*)$", page, re.MULTILINE):
            self.assertEqual(line, program[int(number) - 1])
        function, number = re.search(r" (\w+)\+0x\w+ .* at \S*shop\.c:(\d+)", page).groups()
        self.assertEqual(function, "price_of")
        self.assertIn("sqlite3_prepare_v2", program[int(number) - 1])

    def test_the_library_page_names_every_setting(self):
        page = (MANUAL / "libdmalloc.3.scd").read_text()
        table = (ROOT / "src/base/config.h").read_text() + "".join(
            path.read_text() for path in (ROOT / "src/base").glob("config.c"))
        for setting in sorted(set(re.findall(r"DMALLOC_[A-Z_]+[A-Z]", table))):
            if setting not in ("DMALLOC_VERIFY",):
                self.assertIn(setting, page)

    @needs("scdoc", "scdoc")
    @needs("mandoc", "mandoc")
    def test_pages_build_and_are_well_formed(self):
        for source in sorted(MANUAL.glob("*.scd")):
            with self.subTest(page=source.name):
                page = self.folder / source.name.removesuffix(".scd")
                with open(source, "rb") as file:
                    made = subprocess.run(["scdoc"], stdin=file, stdout=subprocess.PIPE, check=True)
                page.write_bytes(made.stdout)
                shown = subprocess.run(["mandoc", "-T", "utf8", str(page)], stdout=subprocess.PIPE,
                                       text=True, check=True).stdout
                self.assertIn(source.name.split(".")[0], shown)
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error", str(page)],
                                      stdout=subprocess.PIPE, text=True, check=False).stdout
                self.assertEqual(lint, "")


class Completion(ToolTest):
    def complete(self, *words):
        """What bash offers for the last of WORDS."""
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  '_dmalloc "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        out = subprocess.run(["bash", "-c", script, "bash", SCRIPTS / "completion/dmalloc", *words],
                             stdout=subprocess.PIPE, text=True, check=True, cwd=self.folder,
                             env=os.environ | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}"}).stdout
        return out.splitlines()

    def test_options(self):
        for name in NAMES:
            with self.subTest(script=name):
                offered = set(self.complete(f"dmalloc-{name}", "--"))
                self.assertLessEqual(options(name), offered)
        self.assertEqual(self.complete("dmalloc-check", "--jun"), ["--junit"])

    def test_values(self):
        self.assertEqual(self.complete("dmalloc-export", "--to", "p"), ["pprof"])
        self.assertEqual(self.complete("dmalloc-diff", "--sort", ""), ["bytes", "count"])
        self.assertIn("growth", self.complete("dmalloc-top", "--sort", ""))
        verdicts = self.complete("dmalloc-check", "--verdict", "")
        self.assertEqual(verdicts, ["growing", "steady", "startup", "churn", "too early"])

    def test_files_and_programs(self):
        self.write("heap.jsonl", "")
        self.assertIn("heap.jsonl", self.complete("dmalloc-diff", "he"))
        self.assertIn("python3", self.complete("dmalloc-run", "--at-exit", "--", "pytho"))


if __name__ == "__main__":
    unittest.main()
