#!/usr/bin/python3
"""dmalloc-report in a real Chromium: what the page shows equals the dumps."""

import calendar
import json
import os
import re
import time
import unittest

from browser import browser, needs_browser
from toolbox import ToolTest, make_dumps

try:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    By = Keys = None

SCREENSHOTS = os.environ.get("DMALLOC_SCREENSHOTS")      # a folder to leave them in


@needs_browser()
class Page(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.driver = cls.enterClassContext(browser())

    def page(self, path, *options, title="page"):
        """Makes the page of PATH and opens it; checks that nothing went wrong."""
        self.html = self.folder / "report.html"
        self.tool("report", path, "-o", self.html, *options)
        self.driver.get(self.html.as_uri())
        self.title = title
        return self.driver

    def tearDown(self):
        self.assertEqual(self.driver.get_log("browser"), [])
        self.driver.set_window_size(1280, 1600)
        if SCREENSHOTS:
            self.driver.save_screenshot(f"{SCREENSHOTS}/{self.title}-{self._testMethodName}.png")

    def text(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css).text

    def texts(self, css):
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", css)

    def press(self, keys, css="body"):
        self.driver.find_element(By.CSS_SELECTOR, css).send_keys(keys)

    def rows(self):
        """The cells of the table's rows."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll('tr.site')].map(r => [...r.cells].map(c => c.textContent))")

    def test_head_and_tiles(self):
        from dmalloc_tools.units import size
        path, history = self.dumps(dumps=60)
        self.page(path)
        last = history[-1]["totals"]
        tiles = self.texts("#tiles dd")
        self.assertTrue(tiles[0].startswith(size(last["live_bytes"])))
        self.assertTrue(tiles[1].startswith(f"{last['live']:,}of {last['allocations']:,} "))
        old = sum(row["bytes"] for row in history[-1]["ages"] if row["from"] >= 100)
        self.assertTrue(tiles[2].startswith(size(old)))
        self.assertIn("60 dumps, 2026-11-23 01:20:52 to 2026-11-23 01:25:47 UTC", self.text("#subtitle"))
        self.assertIn("1 callsite is growing. Look first at session_new", self.text("#headline"))

    def test_what_to_look_at_first(self):
        """The banner, in the words of the text dump's heading."""
        for text, dump in self.judged():
            self.page(self.write("judged", self.line(dump)))
            self.assertEqual(self.text("#headline"), text)
            alarm = self.driver.find_elements(By.CSS_SELECTOR, "#headline.alarm")
            self.assertEqual(len(alarm), "growing, not listed" in text)

    def test_timeline_reads_each_dump(self):
        from dmalloc_tools.units import size
        path, history = self.dumps(dumps=60)
        self.page(path)
        self.press(Keys.HOME, "#timeline")
        for dump in history[:5]:
            reading = self.text("#reading")
            self.assertIn(f"Dump {dump['seq']}, {dump['time'][:19].replace('T', ' ')} UTC: "
                          f"{size(dump['totals']['live_bytes'])} live", reading)
            for row in dump["ages"]:
                label = f"< {row['to']} s" if row["to"] else f"> {row['from']} s"
                self.assertIn(f"{label}: {size(row['bytes'])}", reading)
            self.press(Keys.ARROW_RIGHT, "#timeline")
        self.press("b")
        self.press(Keys.END, "#timeline")
        self.assertIn(f"{history[-1]['totals']['live']:,} live", self.text("#reading"))

    def test_time_labels(self):
        """Whole, apart from each other, none of them twice, and one for a single dump."""
        for dumps, interval in ((60, 5), (78, 5), (60, 0.1), (300, 400), (9, 40000), (2, 0.2), (1, 5)):
            path, _ = self.dumps(dumps=dumps, interval=interval, callsites=1)
            self.page(path)
            for width in (1280, 420):
                self.driver.set_window_size(width, 1600)
                self.driver.execute_script("change({})")
                left, *edges, right = self.driver.execute_script("""
                    const svg = document.querySelector("#timeline svg").getBoundingClientRect();
                    const labels = [...document.querySelectorAll("#timeline .axis:nth-of-type(2) text")];
                    return [svg.left, ...labels.flatMap((label) => {
                      const box = label.getBoundingClientRect();
                      return [box.left, box.right]; }), svg.right];""")
                self.assertEqual([left, *edges, right], sorted([left, *edges, right]), interval)
                labels = self.texts("#timeline .axis:nth-of-type(2) text")
                self.assertTrue(labels)
                self.assertEqual(len(labels), len(set(labels)), labels)
        self.assertEqual(labels, ["01:20:52"])

    def test_a_narrow_window(self):
        """What one looks for is in sight, and the legend breaks between its rows."""
        path, history = self.dumps(dumps=60)
        self.page(path)
        self.driver.set_window_size(420, 1600)
        self.driver.execute_script("change({})")
        for column in (1, 2, 3):
            self.assertLess(self.driver.execute_script(
                "return document.querySelector(`th:nth-child(${arguments[0]}) button`)"
                ".getBoundingClientRect().right", column), 420)
        self.assertEqual(self.texts("th button")[:3], ["Bytes ↓", "Verdict", "Callsite"])
        self.assertEqual(len(self.texts("th button")), 8)
        self.assertEqual(self.driver.execute_script(
            "return [...document.querySelectorAll('#reading span.row')]"
            ".map((row) => row.getClientRects().length)"), [1] * len(history[-1]["ages"]))

    def test_reach(self):
        """As `survived` of the text: of the blocks that are gone or that old, and not before."""
        for dumps in (10, 60):
            path, history = self.dumps(dumps=dumps, top=40)
            self.page(path)
            for cells, entry in zip(self.rows(), sorted(history[-1]["top"], key=lambda e: -e["bytes"])):
                known = entry["allocations"] - sum(entry["ages"][:3])
                self.assertEqual(cells[4], f"{100 * entry['survived'][2] / known:.1f}%"
                                 if known and dumps == 60 else "")

    def test_table_equals_the_dump(self):
        from dmalloc_tools.units import size
        path, history = self.dumps(dumps=60, top=40)
        self.page(path)
        rows = self.rows()
        top = sorted(history[-1]["top"], key=lambda entry: -entry["bytes"])
        self.assertEqual(len(rows), 40)
        for cells, entry in zip(rows, top):
            self.assertEqual(cells[:2], [size(entry["bytes"]), f"{entry['live']:,}"])
            self.assertEqual(cells[5], entry["verdict"])

    def test_ages_filter_flame_and_table(self):
        from dmalloc_tools.units import size
        path, history = self.dumps(dumps=60, top=40)
        self.page(path)
        last = history[-1]
        self.assertEqual(self.text("#flame-total"), f"{size(last['totals']['live_bytes'])} live")
        for i, row in enumerate(last["ages"][:4]):
            self.press("0")
            self.press(str(i + 1))
            self.assertEqual(self.text("#flame-total"),
                             f"{size(row['bytes'])} shown of {size(last['totals']['live_bytes'])} live")
            shown = [cells[0] for cells in self.rows()]
            wanted = sorted((entry["age_bytes"][i] for entry in last["top"] if entry["age_bytes"][i]),
                            reverse=True)
            self.assertEqual(shown, [size(value) for value in wanted])
        self.press("o")
        old = sum(row["bytes"] for row in last["ages"] if row["from"] >= 100)
        self.assertTrue(self.text("#flame-total").startswith(f"{size(old)} shown"))

    def test_what_is_not_listed_is_a_box(self):
        path, _ = self.dumps(dumps=10, top=5)
        self.page(path)
        self.assertIn("5 of 40 callsites", self.text("#notes"))
        names = self.driver.execute_script("return [...flame.boxes.keys()].map(flameName)")
        self.assertIn("(callsites not listed)", names)
        self.assertEqual(self.driver.execute_script("return flame.total"),
                         self.driver.execute_script("return state.lane.totals.live_bytes"))

    def test_search_zoom_and_stack(self):
        path, _ = self.dumps(dumps=60, top=40)
        self.page(path)
        self.press("/")
        self.press("accept_loop", "#search")
        self.assertEqual(len(self.rows()), 1)
        self.assertEqual(self.text("#table-total"), "1 callsite of 40")
        self.driver.find_element(By.CSS_SELECTOR, "td.stack button").click()
        self.assertEqual(self.texts("tr.detail li"),
                         [f"{name} myserver" for name in ("session_new", "accept_loop", "main")])
        self.press(Keys.ESCAPE)
        self.assertEqual(len(self.rows()), 40)
        for key in (Keys.ARROW_DOWN, Keys.ARROW_DOWN):
            self.press(key, "#flame")
        self.assertIn("event_loop", self.text("#flame-path"))
        self.press(Keys.ENTER, "#flame")
        zoomed = self.driver.execute_script("return flameName(state.zoom)")
        self.assertEqual(zoomed, "event_loop")
        self.press(Keys.ESCAPE)
        self.assertEqual(self.driver.execute_script("return state.zoom"), -1)

    def test_every_column_sorts(self):
        path, _ = self.dumps(dumps=60, top=40)
        self.page(path)
        count = len(self.texts("th button"))
        self.assertEqual(count, 8)
        for index in range(count):
            for direction in range(2):
                self.driver.find_elements(By.CSS_SELECTOR, "th button")[index].click()
            self.assertEqual(len(self.texts("th[aria-sort]")), 1)
            self.assertEqual(len(self.rows()), 40)

    def test_restarts_are_one_lane(self):
        first = list(make_dumps.history(dumps=30, top=20))
        began = calendar.timegm(time.strptime(make_dumps.START, "%Y-%m-%dT%H:%M:%SZ")) + 170
        again = list(make_dumps.history(dumps=30, top=20, pid=5001, start=time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))))
        again[10]["trigger"] = "signal"
        path = self.write("restart", "".join(map(self.line, first + again)))
        self.page(path)
        self.assertIn("pid 4242, then 5001", self.text("#subtitle"))
        self.assertIn("60 dumps", self.text("#subtitle"))
        self.assertEqual(self.texts(".restart-label"), ["restart, pid 5001"])
        self.assertEqual(len(self.texts(".asked")), 1)
        self.assertFalse(self.driver.find_element(By.ID, "lane-label").is_displayed())
        self.assertEqual(self.driver.execute_script("return state.lane.sites.length"),
                         len({json.dumps([f["offset"] for f in entry["frames"]])
                              for dump in first + again for entry in dump["top"]}))

    def test_processes_side_by_side(self):
        from dmalloc_tools.units import size
        small = list(make_dumps.history(dumps=9, pid=7, callsites=3))
        big = list(make_dumps.history(dumps=9, pid=8, callsites=30))
        path = self.write("both", "".join(self.line(dump) for pair in zip(small, big) for dump in pair))
        self.page(path)
        self.assertTrue(self.texts("#tiles dd")[0].startswith(size(big[-1]["totals"]["live_bytes"])))
        self.driver.find_elements(By.CSS_SELECTOR, "#lane option")[1].click()
        self.assertTrue(self.texts("#tiles dd")[0].startswith(size(small[-1]["totals"]["live_bytes"])))

    def test_without_verdicts_and_ages(self):
        path, history = self.dumps(dumps=9, verdicts=False)
        self.page(path)
        self.assertFalse(self.driver.find_element(By.ID, "headline").is_displayed())
        self.assertFalse(self.driver.find_element(By.ID, "ages").is_displayed())
        self.assertEqual(self.driver.execute_script("return flame.total"), history[-1]["totals"]["live_bytes"])

    def test_one_dump_and_an_empty_heap(self):
        path, (dump,) = self.dumps(dumps=1)
        self.page(path)
        self.assertEqual(self.driver.get_log("browser"), [])
        for row in dump["ages"] + dump["sizes"]:
            row["live"] = row["bytes"] = 0
        dump["totals"] |= {"live": 0, "live_bytes": 0}
        dump["top"] = []
        path = self.write("empty", self.line(dump))
        self.page(path)
        self.assertIn("0B", self.texts("#tiles dd")[0])

    def test_names_are_text_and_never_markup(self):
        _, (dump,) = self.dumps(dumps=1)
        evil = '</script><script>document.title="x"</script><img src=x onerror=alert(1)>'
        dump["program"] = f"/srv/{evil}"
        dump["top"][0]["frames"][0]["symbol"] = evil
        dump["top"][0]["reason"] = evil
        self.page(self.write("evil", self.line(dump)))
        self.assertEqual(self.driver.find_elements(By.TAG_NAME, "img"), [])
        self.assertNotEqual(self.driver.title, "x")

    def test_needs_no_network(self):
        path, _ = self.dumps(dumps=3)
        self.page(path)
        page = self.html.read_text()
        # Addresses may stand in a library's comments; nothing may be loaded from one.
        self.assertEqual(re.findall(r"<(?:link|script|img|iframe)[^>]+(?:href|src)=\"(?!data:)", page), [])
        self.assertEqual(self.driver.execute_script(
            "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length"), 0)

    def test_dark_and_light(self):
        path, _ = self.dumps(dumps=20)
        self.page(path)
        ground = "return getComputedStyle(document.body).backgroundColor"
        before = self.driver.execute_script(ground)
        self.press("t")
        self.assertNotEqual(self.driver.execute_script(ground), before)

    def test_a_thousand_dumps_and_five_thousand_callsites(self):
        long = make_dumps.history(dumps=1000, callsites=30, top=20)
        wide = make_dumps.history(dumps=10, callsites=5000, top=5000, interval=500)
        with open(self.folder / "big", "w", encoding="utf-8") as file:
            for dump in long:            # every hundredth dump lists every callsite
                whole = next(wide) if dump["seq"] % 100 == 0 else dump
                file.write(self.line(whole | {"seq": dump["seq"]}))
        self.page(self.folder / "big", title="big")
        self.assertLess(self.html.stat().st_size, 5 << 20)
        self.assertEqual(self.text("#table-total"), "5,000 callsites")
        # What is quick is a page of few elements, whatever there is to show.
        elements = "return document.getElementsByTagName('*').length"
        self.assertLess(self.driver.execute_script(elements), 8000)
        self.press("o")
        self.press("/")
        self.press("session_new", "#search")
        self.assertLess(self.driver.execute_script(elements), 8000)
        self.assertTrue(self.rows())


if __name__ == "__main__":
    unittest.main()
