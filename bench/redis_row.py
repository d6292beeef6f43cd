"""The redis row: a server of our own under the profiler, redis-benchmark plain.

The wall time of the row is the time that redis-benchmark needed for its
requests; the CPU time, the memory and the files are the server's.
"""

import csv
import pathlib
import socket
import subprocess
import tempfile
import time

import measure

TESTS = "set,get,lpush,lpop,hset"


def free_port():
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, words, seconds=5.0):
    """Send one command of the server's protocol and return what it says."""
    with socket.create_connection(("127.0.0.1", port), seconds) as link:
        link.sendall(words.encode("ascii") + b"\r\n")
        return link.recv(65536)


def wait_until_up(process, port, seconds=30.0):
    """Wait until the server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if ask(port, "PING").startswith(b"+PONG"):
                return
        except OSError:
            time.sleep(0.05)
    raise measure.Failed("server not started")


def benchmark(port, requests, pipeline, seconds):
    """The seconds that redis-benchmark needed for REQUESTS of each test, when
    each of its clients sends PIPELINE of them before it waits."""
    try:
        done = subprocess.run(
            ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-t", TESTS,
             "-n", str(requests), "-r", "100000", "-d", "100", "-P",
             str(pipeline), "-c", "50", "--csv"], capture_output=True, text=True,
            timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise measure.Failed(f"over {seconds:.0f} s") from None
    rates = [float(line["rps"])
             for line in csv.DictReader(done.stdout.splitlines())]
    if done.returncode != 0 or not rates:
        raise measure.Failed("redis-benchmark failed")
    return sum(requests / rate for rate in rates)


def run(column, words, requests, pipeline, directory, seconds):
    """Serve REQUESTS in all, PIPELINE at a time, under COLUMN; return the Cost."""
    port = free_port()
    settings = column.settings(directory)
    with tempfile.TemporaryDirectory(prefix="dmalloc-bench-") as temporary:
        result = pathlib.Path(temporary, "result")
        process = subprocess.Popen(
            [measure.ONCE, result, *settings, *column.prefix(directory),
             *words, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--daemonize", "no"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=measure.environment(),
            cwd=temporary, start_new_session=True)
        try:
            wait_until_up(process, port)
            wall = benchmark(port, max(1000, requests // 5), pipeline, seconds)
            try:
                ask(port, "SHUTDOWN NOSAVE")
            except OSError:
                pass  # it hangs up instead of answering
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise measure.Failed("server did not stop") from None
        finally:
            if process.poll() is None:
                measure.end(process)
        status, cost = measure.read_result(result)
    if status != 0:
        raise measure.Failed(f"server failed ({status})")
    cost.wall = wall
    cost.kept = measure.bytes_in(directory)
    return cost
