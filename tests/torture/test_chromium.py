"""chromium, headless on a local page: its own allocator, sandbox and processes.

Its zygote refuses to run with a second thread, which the reporter is: so there
is none here, and dumps are made on request and at exit.
"""

import os

import torture

PAGE = """<!doctype html><title>torture</title><body><p id=p>before</p><canvas id=c></canvas>
<script>
let t = []; for (let i = 0; i < 200000; i++) t.push({i, s: 'x' + i});
for (let i = 0; i < 500; i++) { let d = document.createElement('div'); d.textContent = t[i * 7].s;
  document.body.append(d); }
let c = document.getElementById('c').getContext('2d'); c.fillRect(0, 0, 50, 50);
let w = new Worker(URL.createObjectURL(new Blob(['postMessage([...Array(1000).keys()].reduce((a, b) => a + b))'])));
w.onmessage = e => document.getElementById('p').textContent = 'after ' + e.data;
</script>"""

OPTIONS = ("--headless --disable-gpu --no-first-run --disable-dev-shm-usage "
           "--disable-background-networking --disable-component-update "
           "--user-data-dir=$PWD/profile --virtual-time-budget=5000 --timeout=60000")


class Chromium(torture.Case):

    needs = ("chromium",)

    def page(self, options):
        """The page as the browser sees it after its scripts have run."""
        ran = self.compare(
            f"cat > page.html; chromium {OPTIONS} {options} --dump-dom file://$PWD/page.html "
            "| tee dom | md5sum; grep -c div dom; grep -o 'after [0-9]*' dom",
            stdin=PAGE.encode(), views={"stderr": torture.nothing}, balanced=False, top=10, interval=0)
        self.assertIn(b"after 499500", ran.stdout)

    def test_a_page(self):
        self.page("--no-sandbox" if os.geteuid() == 0 else "")

    def test_a_page_in_its_sandbox(self):
        if os.geteuid() == 0:
            self.user = torture.NOBODY
        self.page("")
