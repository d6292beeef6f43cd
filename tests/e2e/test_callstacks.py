"""Who allocated: names, stacks through signals, exceptions, plugins."""

import harness

PLUGINS = harness.SMALL / "plugins"


class Callstacks(harness.Case):

    def test_static_and_exported_functions(self):
        dump = self.run_small("names").dump()
        self.assert_balanced(dump)
        for function, size in (("a_static_function", 1001), ("an_exported_function", 1002),
                               ("never_returns", 1003)):
            site = self.site(dump, function, "main")
            self.assertEqual(harness.names(site)[:2], [function, "main"])
            self.assert_figures(site, live=1, bytes=size)
            frame = site["frames"][0]
            self.assertEqual(dump["modules"][frame["module"]]["path"], harness.small("names"))
            self.assertGreater(frame["symbol_offset"], 0)
            self.assertRegex(frame["offset"], "^0x[0-9a-f]+$")

    def test_exceptions(self):
        for interval in (5, 0):
            result = self.run_small("throws", interval=interval)
            self.assertEqual(result.stdout, b"caught 1001\n")
            dump = result.dump()
            self.assert_balanced(dump)
            self.assert_figures(self.site(dump, "_ZL11kept_by_newv", "main"), live=1, bytes=100)
            self.assertEqual([site for site in dump["top"]
                              if "_ZL7throweri" in harness.names(site)], [])

    def test_exceptions_bound_at_start(self):
        result = self.run_small("throws", env={"LD_BIND_NOW": "1"})
        self.assertEqual(result.stdout, b"caught 1001\n")

    def test_a_stack_goes_on_through_a_signal(self):
        dump = self.run_small("signal_frames").dump()
        self.assert_balanced(dump)
        site = self.site(dump, "from_handler", "handler", "interrupted", "main")
        self.assert_figures(site, live=1, bytes=321)

    def test_plugins(self):
        result = self.run_small("dlopens", str(PLUGINS / "leaking.so"),
                                str(PLUGINS / "throwing.so"))
        dump = result.dump()
        self.assert_balanced(dump)
        site = self.site(dump, "plugin_leak", "main")   # named, though it is closed
        self.assert_figures(site, live=1, bytes=777)
        self.assertEqual(dump["modules"][site["frames"][0]["module"]]["path"],
                         str(PLUGINS / "leaking.so"))

    def test_libraries_that_follow_each_other_at_one_address(self):
        """What was learned of one is not believed of the next."""
        for verify in (0, 1):
            result = self.run_small("swaps", str(PLUGINS / "wide.so"), str(PLUGINS / "narrow.so"),
                                    "50", verify=verify)
            self.assertGreater(int(result.stdout), 0)
            dump = result.dump()
            self.assert_balanced(dump)
            self.assertEqual(dump["self"]["differing"], 0)
            for plugin, function, size in (("wide", "leak_wide", 8192),
                                           ("narrow", "leak_slim", 4096)):
                sites = [site for site in dump["top"] if harness.names(site)[0] == function]
                self.assertEqual(sum(site["live"] for site in sites), 50)
                self.assertEqual(sum(site["bytes"] for site in sites), 50 * size)
                for site in sites:
                    self.assertEqual(harness.names(site)[:3], [function, "plugin_leak", "main"])
                    for frame in site["frames"][:2]:
                        self.assertEqual(dump["modules"][frame["module"]]["path"],
                                         str(PLUGINS / f"{plugin}.so"))

    def test_other_stacks(self):
        dump = self.run_small("stacks").dump()
        self.assert_balanced(dump)
        for function, live, size in (("on_coroutine", 3, 201), ("on_signal_stack", 1, 202),
                                     ("on_small_stack", 1, 203)):
            sites = [site for site in dump["top"] if harness.names(site)[0] == function]
            self.assertEqual(sum(site["live"] for site in sites), live, function)
            self.assertEqual(sum(site["bytes"] for site in sites), live * size, function)

    def test_a_stack_that_ends_before_its_unwind_information(self):
        for verify in (0, 1):
            dump = self.run_small("brinks", verify=verify).dump()
            self.assert_balanced(dump)
            site = self.site(dump, "at_the_brink", "run_on")
            self.assertEqual(harness.names(site), ["at_the_brink", "run_on"])
            self.assert_figures(site, live=3, bytes=612)

    def test_handlers_that_fall_anywhere(self):
        """Neither their own stacks nor those that they interrupt are taken for others."""
        for where in ([], ["alternate"]):
            dump = self.run_small("handlers", *where, behind=(str(PLUGINS / "bump.so"),),
                                  verify=1).dump()
            self.assertGreater(dump["self"]["verified"], 1000)
            self.assert_figures(dump["self"], differing=0, unwind_failed=0)

    def test_no_capture_differs_from_libunwind(self):
        for program in ("names", "throws", "burst"):
            dump = self.run_small(program, verify=1).dump()
            self.assert_balanced(dump)
            if "differing" in dump["self"]:
                self.assertEqual(dump["self"]["differing"], 0)
