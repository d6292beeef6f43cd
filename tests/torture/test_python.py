"""python3: the modules of its own test suite that a profiler could disturb."""

import importlib.util
import re

import torture

QUICK = "test_gc test_json test_mmap test_fork1 test_wait3 test_errno"
MORE = """
test_thread test_threading test_threadsignals test_threading_local test_subprocess
test_signal test_fork1 test_wait3 test_wait4 test_ctypes test_mmap test_json test_gc
test_os test_popen test_pty test_resource test_faulthandler
test_concurrent_futures test_multiprocessing_fork test_queue test_socket test_select
test_selectors test_poll test_epoll test_asyncio test_logging test_bytes test_bigmem
test_zlib test_bz2 test_lzma test_hashlib test_ssl test_sqlite test_pickle test_struct
test_memoryview test_weakref test_exceptions test_io test_file_eintr test_eintr
test_tempfile test_shutil test_time test_tracemalloc test_unicode test_re test_decimal
test_embed test_cmd_line test_atexit test_audit test_fileio test_largefile test_ioctl
"""

# Threads of these write between the results, at another place each time.
CHATTY = "test_ssl"

# They wait for ever on some virtual machines, with and without us.
WITHOUT = ("-i", "*VSOCK*")

# A result as `python3 -m test -v` prints it.
RESULT = re.compile(r"^(test\w*) \(([\w.]+)\)? ?.*\.\.\. (ok|FAIL|ERROR|skipped|expected failure)")
SUMMARY = re.compile(r"^(\S+ (?:failed|crashed|worked|timed out)(?: \([^)]*\))?|Result: \w+|Tests result: \w+)")


class Python(torture.Case):

    def modules(self, names, **how):
        """Runs test modules one after another; what each test said must agree."""
        for name in names.split():
            with self.subTest(name):
                ran = self.compare(
                    ["/usr/bin/python3", "-m", "test", "-v", "-u", "subprocess,decimal",
                     *WITHOUT, name],
                    views={"stdout": lambda out, name=name:
                           (torture.tally(out, RESULT) if name not in CHATTY.split() else [])
                           + torture.tally(out, SUMMARY),
                           "stderr": torture.nothing}, balanced=False, top=10, **how)
                self.assertIn(b"Tests result: ", ran.stdout)

    def setUp(self):
        super().setUp()
        if not importlib.util.find_spec("test.test_json"):
            self.skipTest("the test suite of python3 is not installed")

    @torture.quick
    def test_a_few_modules(self):
        self.modules(QUICK)

    def test_with_the_c_allocator(self):
        self.modules("test_gc test_json test_threading test_fork1",
                     env={"PYTHONMALLOC": "malloc"})

    def test_a_module_that_dies_of_sigusr1(self):
        """It sends itself the signal and must die of it: with another one for us."""
        self.modules("test_posix", signal="RTMIN+5")

    def test_many_modules(self):
        self.modules(MORE)
