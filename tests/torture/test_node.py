"""node: a just-in-time compiler, workers, children, and SIGUSR1 of its own."""

import torture

SCRIPT = r"""
const { Worker, isMainThread, parentPort } = require('worker_threads');
const zlib = require('zlib'), crypto = require('crypto'), fs = require('fs');
const { execFileSync, fork } = require('child_process');
process.on('SIGUSR2', () => console.log('usr2'));
(async () => {
  const run = n => new Promise((resolve, reject) => {
    const w = new Worker(`
      const { parentPort } = require('worker_threads');
      let m = new Map(); for (let i = 0; i < 200000; i++) m.set('k' + i % 5000, [i, { i }]);
      let s = 0; for (const [k, v] of m) s += v[0];
      parentPort.postMessage(s + ${n});`, { eval: true });
    w.on('message', resolve); w.on('error', reject); });
  for (let round = 0; round < 3; round++)
    console.log((await Promise.all([1, 2, 3, 4].map(run))).join());
  const data = Buffer.from('some text '.repeat(200000));
  for (const kind of ['gzip', 'deflate', 'brotliCompress'])
    console.log(kind, await new Promise(r => zlib[kind](data, (e, out) => r(out.length))));
  console.log(crypto.pbkdf2Sync('a', 'b', 20000, 32, 'sha256').toString('hex'));
  const f = n => n < 2 ? n : f(n - 1) + f(n - 2); console.log(f(30));
  const deep = n => n ? [deep(n - 1)] : []; console.log(JSON.stringify(deep(2000)).length);
  try { (function over() { over(); })(); } catch (e) { console.log(e.constructor.name); }
  console.log(execFileSync('/bin/sh', ['-c', 'echo child; seq 5']).toString());
  await new Promise(r => fs.readdir('/usr/bin', (e, l) => { console.log(l.length > 10); r(); }));
  const many = await Promise.all([...Array(500).keys()].map(i =>
    fs.promises.writeFile('f' + i, 'x'.repeat(i)).then(() => fs.promises.readFile('f' + i))));
  console.log(many.reduce((s, b) => s + b.length, 0));
  process.kill(process.pid, 'SIGUSR2');
  const memory = new WebAssembly.Memory({ initial: 10 }); memory.grow(50);
  console.log(memory.buffer.byteLength);
  setTimeout(() => { console.log('end'); process.exit(3); }, 1200);
})();
"""


class Node(torture.Case):

    needs = ("node",)

    @torture.quick
    def test_workers_and_children(self):
        ran = self.compare(["node", "-e", SCRIPT], balanced=False, top=10)
        self.assertEqual(ran.status, 3)
        self.assertIn(b"usr2", ran.stdout)

    def test_the_inspector_by_sigusr1(self):
        """SIGUSR1 starts node's inspector: its handler was set after ours."""
        self.compare("node -e 'setTimeout(() => process.exit(6), 3000); console.log(1)' "
                     "--inspect-port=0 & sleep 1.5; kill -USR1 $!; wait $!; echo $?",
                     views={"stderr": lambda text: b"Debugger listening" in text},
                     balanced=False, top=10)
