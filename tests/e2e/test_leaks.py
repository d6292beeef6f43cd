"""Real programs that leak, each beside a twin that does the same work and does
not: the dumps of the one name the callsite, those of the other none.

The clock of this library is 40 times as fast (tests/leaks/fast_clock.c), so
that verdicts of ten minutes are there after 15 seconds; the rest of it is what
users have."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile

import harness

FAST = harness.ROOT / "build/tests/libdmalloc-fast.so"
LEAKS = harness.ROOT / "build/tests/leaks"
PATIENCE = 300                   # for a verdict; ten times what it takes on an idle machine
LONGER = 150                     # the twin is watched for so many of its seconds more

# What differs between the twins is the word that the script is told.
PYTHON = """
import collections, ctypes, sys, time

library = ctypes.CDLL(sys.argv[1])
for name in ("thumbnail_make", "thumbnail_make_carelessly"):
    getattr(library, name).restype = ctypes.c_void_p
library.thumbnail_free.argtypes = [ctypes.c_void_p]
make = library.thumbnail_make
visits = collections.deque(maxlen=50)
if sys.argv[2] == "extension":
    make = library.thumbnail_make_carelessly
if sys.argv[2] == "list":
    visits = []

while True:
    thumbnail = make(7)
    visits.append(bytearray(2000))
    library.thumbnail_free(thumbnail)
    time.sleep(0.004)
"""


class Watched:
    """A program under the fast clock, and all that its dumps said so far."""

    def __init__(self, process):
        self.process = process
        self.seen = []
        self.files = {}

    def dumps(self):
        """All its dumps; it must be there to make more. What was read stays read."""
        assert self.process.process.poll() is None, "the program ended"
        for path in self.process.folder.glob("*.jsonl"):
            file = self.files.setdefault(path, [0])
            with path.open("rb") as stream:
                stream.seek(file[0])
                whole = stream.read().rpartition(b"\n")[0]
            file[0] += len(whole) + bool(whole)
            self.seen += map(json.loads, whole.splitlines())
        return self.seen

    def seconds(self):
        """How long it has been up, by its clock."""
        return self.seen[-1]["uptime"] if self.dumps() else 0


def growing(dump):
    """The callsites that a dump calls growing, as far as it lists them."""
    return [site for site in dump["top"] if site["verdict"] == "growing"]


def told(dump):
    """What a dump says of those, for who reads why a test failed."""
    return [(site["reason"], site["ages"], harness.names(site)) for site in growing(dump)]


class Leaks(harness.Case):

    @classmethod
    def setUpClass(cls):
        """All programs run at the same time: they are mostly idle."""
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.pythons = {what: cls.python(what) for what in ("extension", "list", "nothing")}
        cls.shops = [cls.watch([str(LEAKS / name), "4"]) for name in ("shop", "shop_fixed")]
        cls.servers = []
        if shutil.which("redis-server"):
            cls.servers = [cls.redis("XADD", "log", *trim, "*", "line", "x" * 500)
                           for trim in ((), ("MAXLEN", "50"))]

    @classmethod
    def watch(cls, command, **how):
        """Starts COMMAND under the fast clock."""
        how = {"interval": 0.5, "sort": "old", "top": 20} | how
        return Watched(cls.stack.enter_context(harness.running(command, preload=FAST, **how)))

    def await_leak(self, leak, *functions):
        """The first dump of LEAK whose list of old blocks begins with a callsite that grows. One
        of FUNCTIONS is in the stack of each that grows, the first one in the first stack."""
        def found():
            return next((dump for dump in leak.dumps()
                         if dump["top"] and dump["top"][0]["verdict"] == "growing"), None)
        harness.wait_until(found, f"{functions[0]} to be growing", PATIENCE)
        dump = found()
        self.assertIn(functions[0], harness.names(dump["top"][0]), told(dump))
        for site in growing(dump):
            self.assertTrue(set(functions) & set(harness.names(site)), told(dump))
        return dump

    def assert_none_grows(self, twin, seconds):
        """In no dump of TWIN does anything grow, for SECONDS of its clock and some more."""
        harness.wait_until(lambda: twin.seconds() >= seconds + LONGER, "the twin", PATIENCE)
        for dump in twin.dumps():
            self.assertEqual((dump["callsites"]["growing"], told(dump)), (0, []),
                             f"after {dump['uptime']} s")

    @classmethod
    def python(cls, what):
        """The script, leaking in WHAT."""
        return cls.watch(["/usr/bin/python3", "-c", PYTHON, str(LEAKS / "thumbnails.so"), what],
                         env={"PYTHONMALLOC": "malloc"})

    @classmethod
    def redis(cls, *command):
        """A server, and a client that says COMMAND again and again."""
        folder = cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="dmalloc-test-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        server = cls.watch(["/usr/bin/redis-server", "--port", port, "--bind", "127.0.0.1",
                            "--save", "", "--dir", folder])
        client = ["/usr/bin/redis-cli", "-p", port]
        harness.wait_until(lambda: subprocess.run([*client, "ping"], check=False,
                                                  capture_output=True).stdout == b"PONG\n",
                           "redis-server")
        cls.stack.enter_context(harness.process_group(
            [*client, "-r", "-1", "-i", "0.005", *command], None, stdout=subprocess.DEVNULL))
        return server

    def test_python(self):
        """A C extension that forgets its scratch, and a list that nobody empties: of objects
        (PyType_GenericAlloc), which hold bytes."""
        dumps = [self.await_leak(self.pythons["extension"], "thumbnail_make_carelessly"),
                 self.await_leak(self.pythons["list"], "PyByteArray_Resize",
                                 "PyType_GenericAlloc")]
        self.assert_none_grows(self.pythons["nothing"], max(dump["uptime"] for dump in dumps))

    def test_sqlite(self):
        """Statements that are never finalized: the program of docs/LEAKS.md, and its fix."""
        leak, twin = self.shops
        self.assert_none_grows(twin, self.await_leak(leak, "price_of")["uptime"])

    def test_redis(self):
        """A stream that nobody trims."""
        if not self.servers:
            self.skipTest("redis-server is not installed")
        leak, twin = self.servers
        self.assert_none_grows(twin, self.await_leak(leak, "xaddCommand")["uptime"])
