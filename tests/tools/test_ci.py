#!/usr/bin/python3
"""The examples of docs/ci: the ctest one is built and run, with and without a leak."""

import shutil
import subprocess
import unittest
import xml.etree.ElementTree as xml

from toolbox import ROOT, SCRIPTS, ToolTest, needs, needs_library


@needs_library()
@needs("cmake", "cmake")
class Ctest(ToolTest):
    def ctest(self, source):
        shutil.copytree(ROOT / "docs/ci", self.folder / "src", dirs_exist_ok=True)
        (self.folder / "src/soak.c").write_text(source)
        build = self.folder / "build"
        for command in (["cmake", "-S", "src", "-B", "build", f"-DDMALLOC={SCRIPTS}"],
                        ["cmake", "--build", "build"]):
            subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run(["ctest", "--test-dir", build, "--output-on-failure"], cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout, xml.parse(build / "heap.xml").findall(".//failure")

    def test_with_and_without_a_leak(self):
        source = (ROOT / "docs/ci/soak.c").read_text()
        status, output, failures = self.ctest(source)
        self.assertEqual((status, failures), (0, []), output)
        status, output, failures = self.ctest(source.replace("work(argc > 1)", "work(1)"))
        self.assertNotEqual(status, 0)
        self.assertIn("work+0x", output)
        self.assertEqual(len(failures), 1)


class GithubActions(unittest.TestCase):
    def test_it_is_yaml_and_runs_our_scripts(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("the module yaml is missing: apt install python3-yaml")
        job = yaml.safe_load((ROOT / "docs/ci/github-actions.yml").read_text())["jobs"]["heap"]
        commands = "\n".join(step.get("run", "") for step in job["steps"])
        for name in ("run", "symbolize", "check"):
            self.assertIn(f"scripts/dmalloc-{name} ", commands)


if __name__ == "__main__":
    unittest.main()
