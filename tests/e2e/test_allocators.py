"""Any allocator behind: a million random calls give the same answers."""

import harness

# Options to the fuzz program: what an allocator is known to do in its own way.
BEHIND = {
    "glibc": ((), ()),
    "jemalloc": (("libjemalloc.so.2",), ("no-pvalloc",)),
    "tcmalloc": (("libtcmalloc_minimal.so.4",), ()),
    "mimalloc": (("libmimalloc.so.2.0",), ("unaligned", "own-reallocarray")),
}

# libmimalloc 2.0.9 ends a program whose `new` fails; glibc's run is elsewhere;
# realloc(p, 0) frees with glibc only.
KNOWN_WITHOUT_US = {("mimalloc", "throws"), ("glibc", "threads"),
                    ("jemalloc", "frees"), ("tcmalloc", "frees"), ("mimalloc", "frees")}


class Allocators(harness.Case):

    def fuzz(self, name):
        libraries, options = BEHIND[name]
        command = [harness.small("fuzz"), *options]
        plain = harness.run(command, preload=False, behind=libraries)
        if b"cannot be preloaded" in plain.stderr:
            self.skipTest(f"{libraries[0]} is not installed")
        self.assertEqual(plain.status, 0, plain.stdout)
        for interval in (0, "0.05"):
            profiled = harness.run(command, behind=libraries, interval=interval)
            self.assertEqual((profiled.status, profiled.stdout), (0, plain.stdout))
            dump = profiled.dump()
            self.assert_balanced(dump)
            self.assertGreater(dump["totals"]["allocations"], 400000)
            self.assertLess(dump["totals"]["live"], 100)
            self.assertEqual(dump["totals"]["foreign_frees"], 0)

    def test_glibc(self):
        self.fuzz("glibc")

    def test_jemalloc(self):
        self.fuzz("jemalloc")

    def test_tcmalloc(self):
        self.fuzz("tcmalloc")

    def test_mimalloc(self):
        self.fuzz("mimalloc")

    def test_either_order(self):
        """An allocator preloaded before us takes all calls; nothing breaks."""
        for name in ("jemalloc", "tcmalloc", "mimalloc"):
            libraries, options = BEHIND[name]
            command = [harness.small("fuzz"), *options]
            plain = harness.run(command, preload=False, behind=libraries)
            before = harness.run(command, preload=False,
                                 behind=(*libraries, str(harness.LIBRARY)))
            self.assertEqual((before.status, before.stdout), (plain.status, plain.stdout), name)

    def test_small_programs(self):
        for name, (libraries, _) in BEHIND.items():
            for program in ("frees", "names", "throws", "threads"):
                if (name, program) in KNOWN_WITHOUT_US:
                    continue
                with self.subTest(name, program=program):
                    plain = harness.run([harness.small(program)], preload=False,
                                        behind=libraries)
                    profiled = harness.run([harness.small(program)], behind=libraries)
                    self.assertEqual((profiled.status, profiled.stdout),
                                     (plain.status, plain.stdout))
                    self.assert_balanced(profiled.dump())

    def test_without_a_usable_size_of_its_own(self):
        """glibc's malloc_usable_size knows nothing of another allocator's blocks."""
        for behind in (harness.small("plugins/four.so"), "libmemusage.so"):
            with self.subTest(behind):
                result = harness.run([harness.small("names")], behind=(behind,))
                self.assertEqual((result.status, result.dumps), (0, []), result.stderr)
                self.assertEqual(result.stderr.count(b"dmalloc: "), 1, result.stderr)
                self.assertIn(b"dmalloc: this process is not tracked: malloc_usable_size is not "
                              b"of the library that malloc is of\n", result.stderr)

    def test_an_allocator_that_calls_its_own_malloc(self):
        """What it asks malloc for, to hand it out itself, is one block and no two."""
        nested = harness.small("plugins/nested.so")
        for program, live in (("resized", 0), ("entry_points", 11)):
            with self.subTest(program):
                dump = self.run_small(program, behind=(nested,)).dump()
                self.assert_balanced(dump)
                self.assertEqual(dump["totals"]["live"], live)
