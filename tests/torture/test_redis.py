"""redis-server: jemalloc inside, BGSAVE and AOF rewriting in forked children."""

import harness
import torture


class Redis(torture.Case):

    needs = ("redis-server", "redis-cli", "redis-benchmark")

    def ask(self, *command):
        """What redis-cli says."""
        return self.plainly(["redis-cli", "-p", str(self.port), *command]).decode().strip()

    def background(self, command, field):
        """Starts a child's work and waits for its end."""
        self.ask(command)
        harness.wait_until(lambda: f"{field}_in_progress:0" in self.ask("info", "persistence"),
                           command)
        self.assertNotIn("status:err", self.ask("info", "persistence"))

    def session(self, preload):
        """What a server answers during its life."""
        self.port = torture.free_port()
        with self.serving(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                           "--save", "", "--appendonly", "yes", "--dir", str(self.work),
                           "--io-threads", "2", "--activedefrag", "no"], preload) as server:
            harness.wait_until(lambda: torture.answers(self.port), "redis")
            self.ask("debug", "populate", "50000", "key", "100")
            seen = [self.ask("dbsize")]
            for _ in range(2):
                self.plainly(["redis-benchmark", "-p", str(self.port), "-q", "-n", "10000", "-t",
                              "set,get,incr,lpush,lpop,sadd,hset,zadd,lrange_100,mset",
                              "-r", "1000"])
                self.background("bgsave", "rdb_bgsave")
                self.background("bgrewriteaof", "aof_rewrite")
            seen.append(self.ask("get", "key:77")[:10])
            seen.append(self.ask("eval", "local t = {} for i = 1, 20000 do t[i] = i * 2 end "
                                 "return #t", "0"))
            seen.append(self.ask("debug", "reload"))
            seen.append(self.ask("config", "set", "activedefrag", "yes"))
            self.plainly(["redis-cli", "-p", str(self.port), "shutdown"])
            seen.append(server.wait(torture.PATIENCE))
        return seen

    @torture.quick
    def test_saving_in_the_background(self):
        plain = self.session(False)
        self.assertEqual(self.session(True), plain)
        self.assert_all_balanced(self.read_dumps())
