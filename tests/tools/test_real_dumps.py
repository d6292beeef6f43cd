#!/usr/bin/python3
"""Every script on the dumps of real programs: python3, redis, nginx."""

import json
import os
import signal
import socket
import subprocess
import time
import unittest
import urllib.request

from browser import browser, why_not
from toolbox import SCRIPTS, ToolTest, needs, needs_library

PYTHON = """\
import json, time
keep = []
for turn in range(6000):
    keep.append(json.loads(json.dumps({str(i): list(range(20)) for i in range(40)})))
    time.sleep(.1)
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@needs_library()
class RealDumps(ToolTest):
    def start(self, *command, **settings):
        """Runs COMMAND under dmalloc with two dumps a second into heap.PID.jsonl."""
        environment = os.environ | {
            "DMALLOC_FORMAT": "json", "DMALLOC_TOP": "all", "DMALLOC_INTERVAL": "0.5",
            "DMALLOC_SIGNAL": "RTMIN+5", "DMALLOC_OUTPUT": str(self.folder / "heap.%p.jsonl")} | settings
        self.program = subprocess.Popen([SCRIPTS / "dmalloc-run", "--", *command], env=environment,
                                        cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)

    def stop(self):
        if self.program.poll() is None:
            self.program.send_signal(signal.SIGTERM)
            try:
                self.program.wait(10)
            except subprocess.TimeoutExpired:
                self.program.kill()
                self.program.wait()

    def wait_port(self, port):
        for _ in range(100):
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.1)
        self.fail("the program did not start")

    def every_script(self, expected):
        """Runs each script on the process and then on its file; EXPECTED is a function's name."""
        pid = self.program.pid
        live = self.tool("top", "--once", pid)
        self.assertIn(f" {pid} on ", live)
        self.assertIn(expected, self.tool("dump", "--all", pid))
        asked = json.loads(self.tool("dump", "--json", "--all", pid))
        self.assertEqual(asked["pid"], pid)
        self.assertIn(expected, self.tool("export", "--to", "folded", pid))
        self.stop()

        path = self.folder / f"heap.{pid}.jsonl"
        whole, _, _ = path.read_text().rpartition("\n")     # a dump may have been killed with it
        path.write_text(whole + "\n")
        dumps = [json.loads(line) for line in whole.splitlines()]
        last = dumps[-1]
        for dump in dumps:                   # the input is what the contract says
            self.assertEqual(sum(row["bytes"] for row in dump["ages"]), dump["totals"]["live_bytes"])
        folded = self.tool("export", "--to", "folded", path)
        self.assertEqual(sum(int(line.rsplit(" ", 1)[1]) for line in folded.splitlines()),
                         last["totals"]["live_bytes"])
        for to in ("pprof", "speedscope", "openmetrics", "heap"):
            self.tool("export", "--to", to, path, "-o", self.folder / f"out.{to}")
        self.assertIn("No listed callsite differs", self.tool("diff", path, path))
        changed = [{entry["id"]: (entry["live"], entry["bytes"]) for entry in dump["top"]}
                   for dump in (dumps[0], last)]
        self.tool("diff", f"{path}:{dumps[0]['seq']}", path, status=int(changed[0] != changed[1]))
        self.tool("check", path, "--max-bytes", "1TiB")
        self.tool("check", path, "--max-total", last["totals"]["live_bytes"] - 1, status=1)
        self.tool("check", path, "--max-bytes", "0", status=1)
        self.assertIn(f"dump {last['seq']}", self.tool("top", path))

        lines = self.folder / "lines.jsonl"
        self.tool("symbolize", path, "-o", lines)
        again = [json.loads(line) for line in lines.read_text().splitlines()]
        for before, after in zip(dumps, again, strict=True):
            for entry in (*before["top"], *after["top"]):
                entry["frames"] = len(entry["frames"])
            self.assertEqual(before, after)
        self.tool("symbolize", stdin=self.tool("dump", "--help").encode(), status=2)

        page = self.folder / "report.html"
        self.tool("report", lines, "-o", page)
        if not why_not():
            with browser() as driver:
                driver.get(page.as_uri())
                self.assertEqual(driver.execute_script("return flame.total"), last["totals"]["live_bytes"])
                self.assertEqual(driver.execute_script("return state.lane.dumps"), len(dumps))
                self.assertEqual(driver.get_log("browser"), [])
                if folder := os.environ.get("DMALLOC_SCREENSHOTS"):
                    driver.save_screenshot(f"{folder}/{self._testMethodName}.png")

    def test_python(self):
        self.start("/usr/bin/python3", "-c", PYTHON, PYTHONMALLOC="malloc")
        time.sleep(2.5)
        self.every_script("_PyEval_EvalFrameDefault")

    @needs("/usr/bin/redis-server", "redis-server")
    def test_redis(self):
        port = free_port()
        self.start("/usr/bin/redis-server", "--port", str(port), "--save", "", "--appendonly", "no")
        self.wait_port(port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            for number in range(3000):
                client.sendall(b"SET key:%d %s\r\n" % (number, b"x" * (number % 500)))
                client.recv(64)
                if number % 1000 == 999:
                    time.sleep(0.6)
        self.every_script("zmalloc")

    @needs("/usr/sbin/nginx", "nginx-light")
    def test_nginx(self):
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        self.write("index.html", "hello " * 1000)
        self.write("nginx.conf", f"""\
{user} daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
  uwsgi_temp_path t4; scgi_temp_path t5;
  server {{ listen 127.0.0.1:{port}; root {self.folder}; }} }}
""")
        self.start("/usr/sbin/nginx", "-p", str(self.folder), "-c", "nginx.conf", "-e", "stderr")
        self.wait_port(port)
        for _ in range(3):
            for _ in range(30):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
            time.sleep(0.6)
        self.every_script("ngx_")
        # The worker has a file of its own; together they are two processes of one program.
        files = sorted(self.folder.glob("heap.*.jsonl"))
        self.assertEqual(len(files), 2)
        both = self.write("both.jsonl", b"".join(file.read_bytes() for file in files))
        self.assertEqual(self.tool("check", both, "--max-bytes", "1G", "--quiet").count("SUMMARY"), 2)


if __name__ == "__main__":
    unittest.main()
