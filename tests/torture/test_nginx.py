"""nginx: log reopening by SIGUSR1, reload, upgrade, and many requests under dumps."""

import os
import pathlib
import re
import signal
import threading
import time

import harness
import torture

CONFIG = """
daemon off; worker_processes 2; pid {work}/pid; error_log {work}/error.log notice;
{user}
events {{ worker_connections 512; }}
http {{
  access_log {work}/access.log;
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work};
  uwsgi_temp_path {work}; scgi_temp_path {work};
  gzip on; gzip_min_length 1; gzip_types *;
  server {{
    listen 127.0.0.1:{port};
    root {work}/pages;
    location /proxy {{ proxy_pass http://127.0.0.1:{port}/page; }}
    location /moved {{ return 302 /page; }}
  }}
}}
"""
REQUESTS = 10000


class Nginx(torture.Case):

    needs = ("nginx", "ab")

    def before(self):
        self.port = torture.free_port()
        pages = self.work / "pages"
        pages.mkdir(mode=0o755)
        (pages / "page").write_text("a page\n" * 3000)
        user = "user www-data;" if os.geteuid() == 0 else ""
        (self.work / "conf").write_text(
            CONFIG.format(work=self.work, port=self.port, user=user))

    def lines(self, name):
        """How many lines the log NAME has."""
        path = self.work / name
        return len(path.read_bytes().splitlines()) if path.exists() else 0

    def load(self, count):
        """COUNT requests by several clients at once; all must succeed."""
        report = self.plainly(["ab", "-q", "-n", str(count), "-c", "20", "-k",
                               "-H", "Accept-Encoding: gzip",
                               f"http://127.0.0.1:{self.port}/page"]).decode()
        self.assertRegex(report, rf"Complete requests: +{count}\n")
        self.assertRegex(report, r"Failed requests: +0\n")
        return re.search(r"Document Length: +(\d+)", report).group(1)

    def serve(self, preload):
        """A server's life; what it answered."""
        with self.serving(["nginx", "-p", str(self.work), "-c", str(self.work / "conf")],
                          preload, interval="0.05") as server:
            harness.wait_until(lambda: torture.answers(self.port), "nginx to listen")
            seen = [self.load(REQUESTS)]
            harness.wait_until(lambda: self.lines("access.log") >= REQUESTS, "the log")

            (self.work / "access.log").rename(self.work / "access.old")
            server.send_signal(signal.SIGUSR1)
            harness.wait_until((self.work / "access.log").exists, "the log to be reopened")
            before = self.lines("access.old")
            seen.append(self.load(100))
            # Each worker reopens in its own time; nothing is lost in between.
            harness.wait_until(lambda: self.lines("access.log") + self.lines("access.old")
                               >= before + 100, "the new log")
            seen.append(self.lines("access.log") > 0)

            done = threading.Event()

            def asker():                     # the workers' USR1 is nginx's own
                while not done.is_set():
                    server.send_signal(signal.SIGUSR1)
                    time.sleep(0.05)
            thread = threading.Thread(target=asker)
            thread.start()
            try:
                seen.append(self.load(REQUESTS))
            finally:
                done.set()
                thread.join()
            server.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: b"reconfiguring" in
                               (self.work / "error.log").read_bytes(), "the reload")
            harness.wait_until(lambda: b"exited with code 0" in
                               (self.work / "error.log").read_bytes(), "the old workers")
            seen.append(self.load(100))
            for path in ("proxy", "moved", "missing"):
                seen.append(self.plainly(
                    ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                     f"http://127.0.0.1:{self.port}/{path}"]))
            seen.append(sorted(os.readlink(entry).replace(str(self.work), "")
                               for entry in pathlib.Path(f"/proc/{server.pid}/fd").iterdir()
                               if ":[" not in os.readlink(entry)))
            seen.append(torture.end(server, signal.SIGQUIT))
        errors = (self.work / "error.log").read_text()
        self.assertNotRegex(errors, r"\[(error|alert|crit|emerg)\] (?!.*missing)")
        return seen

    @torture.quick
    def test_requests_and_signals(self):
        plain = self.serve(False)
        self.assertEqual(self.serve(True), plain)
        dumps = self.read_dumps()
        self.assertGreaterEqual(len({dump["pid"] for dump in dumps}), 1)
        self.assert_all_balanced(dumps)
