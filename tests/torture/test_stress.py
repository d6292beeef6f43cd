"""stress-ng: allocation, processes, contexts and signals, which it verifies."""

import torture

# What to do, and how often: the numbers of one worker. At most for a minute each: some
# of this program's stressors, sem among them, do not count, and go on till then.
QUICK = {"malloc": 20000, "fork": 500, "vfork": 500, "clone": 100, "mmap": 1,
         "sigsuspend": 5000, "context": 5000}
MORE = {"malloc": 1000000, "fork": 20000, "vfork": 20000, "clone": 10000, "mmap": 300,
        "sigsuspend": 200000, "context": 100000, "pthread": 5000, "bigheap": 2000, "brk": 100000,
        "stack": 200, "stackmmap": 200, "mremap": 5000, "daemon": 500, "exec": 500, "sigfd": 20000,
        "sigq": 50000, "sigrt": 5000, "sigchld": 5000, "sigsegv": 20000, "sigpipe": 20000,
        "dynlib": 2000, "env": 50, "nanosleep": 500, "poll": 5000, "pipe": 50000, "sem": 100000,
        "schedpolicy": 5000, "zombie": 2000, "switch": 100000, "userfaultfd": 200, "memfd": 200,
        "fork --fork-vm": 500, "vforkmany": 2000, "sigabrt": 300, "sigtrap": 5000,
        "session": 500, "wait": 2000, "tsearch": 20, "list": 50, "tree": 20}


class Stress(torture.Case):

    needs = ("stress-ng",)

    def stress(self, table):
        """Runs each stressor of TABLE, two workers at a time."""
        for words, count in table.items():
            name, *options = words.split()
            with self.subTest(words):
                ran = self.compare(
                    ["stress-ng", "--quiet", "--verify", "--no-rand-seed",
                     "--temp-path", str(self.work), "--oom-avoid", "--timeout", "60",
                     f"--{name}", "2", f"--{name}-ops", str(count), *options],
                    balanced=False, top=10)
                self.assertEqual(ran.status, 0)

    @torture.quick
    def test_a_little(self):
        self.stress(QUICK)

    def test_more(self):
        self.stress(MORE)
