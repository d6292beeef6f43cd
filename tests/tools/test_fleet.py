#!/usr/bin/python3
"""A real Prometheus that watches a real process, as docs/FLEET.md sets it up."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from toolbox import LIBRARY, ROOT, SCRIPTS, ToolTest, needs, needs_library

LEAK = "import time\nkeep = []\nwhile True:\n    keep.append(bytearray(4000)); time.sleep(.002)\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@needs("prometheus", "prometheus")
@needs("prometheus-node-exporter", "prometheus-node-exporter")
class Fleet(ToolTest):
    def setUp(self):
        super().setUp()
        self.textfiles = self.folder / "textfile"
        self.textfiles.mkdir()
        exporter, self.port = free_port(), free_port()
        self.start("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                   f"--collector.textfile.directory={self.textfiles}",
                   f"--web.listen-address=127.0.0.1:{exporter}")
        shutil.copy(ROOT / "docs/fleet/dmalloc.rules.yml", self.folder)
        self.write("prometheus.yml", f"""\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [dmalloc.rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]
""")
        self.start("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                   f"--web.listen-address=127.0.0.1:{self.port}")

    def start(self, *command, **settings):
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, **settings)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))
        return process

    def query(self, expression, wanted=lambda result: result, seconds=40):
        """The result of EXPRESSION, once it is as WANTED."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        result = None
        for _ in range(seconds * 4):
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    result = json.load(answer)["data"]["result"]
                if wanted(result):
                    return result
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.25)
        self.fail(f"{expression}: {result}")

    def test_the_figures_arrive(self):
        path, history = self.dumps(dumps=60)
        self.tool("export", "--to", "openmetrics", path, "-o", self.textfiles / "app.prom")
        last = history[-1]
        (live,) = self.query("dmalloc_live_bytes")
        self.assertEqual(int(live["value"][1]), last["totals"]["live_bytes"])
        self.assertEqual(live["metric"]["program"], "myserver")
        (old,) = self.query("dmalloc:old_bytes")
        self.assertEqual(int(old["value"][1]),
                         sum(row["bytes"] for row in last["ages"] if row["from"] >= 100))
        ages = self.query("dmalloc_age_bytes")
        self.assertEqual({row["metric"]["from"]: int(row["value"][1]) for row in ages},
                         {str(row["from"]): row["bytes"] for row in last["ages"]})
        (total,) = self.query("dmalloc_allocations_total")
        self.assertEqual(int(total["value"][1]), last["totals"]["allocations"])
        self.query('ALERTS{alertname="CallsiteGrows", alertstate="pending"}')

    @needs_library()
    def test_a_live_process_is_watched_until_it_ends(self):
        program = self.start("/usr/bin/python3", "-c", LEAK,
                             env=os.environ | {"LD_PRELOAD": str(LIBRARY), "DMALLOC_INTERVAL": "0",
                                               "PYTHONMALLOC": "malloc"})
        file = self.textfiles / "python.prom"
        time.sleep(1)
        exporter = self.start(str(SCRIPTS / "dmalloc-export"), "--to", "openmetrics", "--every", "0.5",
                              str(program.pid), "-o", str(file))
        which = f'dmalloc_live_bytes{{pid="{program.pid}"}}'
        (first,) = self.query(which)
        before = int(first["value"][1])
        self.query(which, lambda result: result and int(result[0]["value"][1]) > before + 500_000)
        program.send_signal(signal.SIGKILL)
        program.wait()
        self.assertEqual(exporter.wait(20), 0)
        self.assertFalse(file.exists())
        self.query(which, lambda result: not result)


class Exporter(ToolTest):
    @needs_library()
    def test_sigterm_takes_the_file_away(self):
        program = subprocess.Popen(["/usr/bin/sleep", "60"], env=os.environ | {
            "LD_PRELOAD": str(LIBRARY), "DMALLOC_OUTPUT": str(self.folder / "out")})
        self.addCleanup(lambda: (program.kill(), program.wait()))
        file = self.folder / "x.prom"
        time.sleep(0.5)
        exporter = subprocess.Popen([str(SCRIPTS / "dmalloc-export"), "--to", "openmetrics", "--every",
                                     "0.2", str(program.pid), "-o", str(file)])
        for _ in range(100):
            if file.exists():
                break
            time.sleep(0.1)
        self.assertIn("dmalloc_live_bytes", file.read_text())
        exporter.terminate()
        self.assertEqual(exporter.wait(10), 0)
        self.assertEqual(list(self.folder.glob("*.prom*")), [])
        self.assertIsNone(program.poll())


if __name__ == "__main__":
    unittest.main()
