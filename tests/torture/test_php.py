"""php: its own heap, curl, and libraries opened with RTLD_DEEPBIND."""

import subprocess

import harness
import torture

SCRIPT = r"""<?php
$port = (int) $argv[1];
$multi = curl_multi_init(); $all = [];
foreach (range(1, 30) as $i) {
  $one = curl_init("http://127.0.0.1:$port/file?$i");
  curl_setopt($one, CURLOPT_RETURNTRANSFER, true);
  curl_multi_add_handle($multi, $one); $all[] = $one;
}
do { $status = curl_multi_exec($multi, $active); if ($active) curl_multi_select($multi); }
while ($active && $status == CURLM_OK);
foreach ($all as $one) {
  echo curl_getinfo($one, CURLINFO_HTTP_CODE), ' ', md5(curl_multi_getcontent($one)), "\n";
  curl_multi_remove_handle($multi, $one);
}
$refused = curl_init("http://127.0.0.1:1/"); curl_setopt($refused, CURLOPT_RETURNTRANSFER, true);
var_dump(curl_exec($refused), curl_errno($refused));
$tree = []; foreach (range(1, 20000) as $i) $tree["k$i"] = ['n' => $i, 's' => str_repeat('x', $i % 50)];
echo md5(json_encode($tree)), ' ', md5(serialize(unserialize(serialize($tree)))), "\n";
echo preg_replace_callback('/\d+/', fn($m) => $m[0] * 2, implode(',', range(1, 20))), "\n";
function deep($n) { return $n ? deep($n - 1) + 1 : 0; } echo deep(20000), "\n";
try { throw new RuntimeException('thrown'); } catch (Exception $e) { echo $e->getMessage(), "\n"; }
echo shell_exec('echo from a child');
ini_set('memory_limit', '64M'); $x = str_repeat('y', 100000000);
"""


class Php(torture.Case):

    needs = ("php",)

    @torture.quick
    def test_curl(self):
        port = torture.free_port()
        with harness.tempfile.TemporaryDirectory() as folder:
            harness.pathlib.Path(folder, "file").write_bytes(b"some data\n" * 30000)
            with harness.process_group(
                    ["/usr/bin/python3", "-m", "http.server", "-b", "127.0.0.1", str(port)],
                    harness.environment(preload=False), cwd=folder, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL):
                harness.wait_until(lambda: torture.answers(port), "the web server")
                for env in ({}, {"USE_ZEND_ALLOC": "0"}):
                    ran = self.compare(["php", "-d", "display_errors=1", "--", str(port)],
                                       stdin=SCRIPT.encode(), env=env)
                    self.assertIn(b"200 ", ran.stdout)
                    self.assertEqual(b"exhausted" in ran.stdout, not env)
