"""java: a virtual machine with its own signals, stacks and guard pages."""

import torture

SOURCE = r"""
import java.util.*; import java.util.concurrent.*; import java.util.zip.*; import java.util.stream.*;
public class Work {
  static int depth(int n) { return depth(n + 1) + 1; }
  public static void main(String[] a) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Future<Long>> results = new ArrayList<>();
    for (int i = 0; i < 16; i++) { final int n = i; results.add(pool.submit(() ->
      IntStream.range(0, 300000).mapToObj(k -> "s" + k % (n + 100)).distinct().count())); }
    for (Future<Long> f : results) System.out.print(f.get() + " ");
    pool.shutdown(); System.out.println();
    for (int round = 0; round < 3; round++) {
      byte[] data = new byte[3000000]; new Random(1).nextBytes(data);
      Deflater d = new Deflater(1); d.setInput(data); d.finish();
      byte[] out = new byte[4000000]; System.out.println(d.deflate(out)); d.end(); System.gc(); }
    try { depth(0); } catch (StackOverflowError e) { System.out.println("overflow"); }
    try { Object o = null; o.hashCode(); } catch (NullPointerException e) { System.out.println("null"); }
    try { long[][] all = new long[1000][]; for (int i = 0; i < 1000; i++) all[i] = new long[1 << 20]; }
    catch (OutOfMemoryError e) { System.out.println("memory"); }
    Process p = new ProcessBuilder("/bin/sh", "-c", "echo child; exit 4").start();
    System.out.println(new String(p.getInputStream().readAllBytes()).trim() + p.waitFor());
    Thread[] many = new Thread[300];
    for (int i = 0; i < many.length; i++) { many[i] = new Thread(() -> new Random(2).ints(100).sum());
      many[i].start(); }
    for (Thread t : many) t.join();
    System.out.println(many.length);
    Thread.sleep(1200); System.exit(5);
  }
}
"""


class Java(torture.Case):

    needs = ("java", "javac")

    def test_threads_and_errors(self):
        ran = self.compare("cat > Work.java; javac Work.java; md5sum Work.class; "
                           "java -Xmx200m -Xss512k Work; echo status $?; "
                           "java -Xmx200m -Xint -Xcheck:jni -cp . Work | tail -1; java Missing; "
                           "java -version 2>&1 | tail -1",
                           stdin=SOURCE.encode(), balanced=False, top=10)
        self.assertIn(b"status 5", ran.stdout)
