"""Redis, and the way to it: rows 8, 9 and 12 of the table in docs/reliability.md."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checker import FaultTest, every_run, main, wait_until

from lib.proxy import Proxy

LONG_SECONDS = 30
ROUNDS = 25
LIES = [b"$5\r\nwrong\r\n", b"*3\r\n:1\r\n:2\r\n:3\r\n", b"$-1\r\n", b"!?#\r\n",
        b"$9223372036854775807\r\nx", b"*2147483647\r\n", b"*99999999999999999999\r\n",
        b"$-7\r\n", b":\r\n", b"*1\r\n" * 500, b"\x00" * 300, b"+" + b"x" * 100000]
USER = ("bus", "on", ">secret", "~*", "&*")


class RedisTest(FaultTest):
    def durable(self, **options):
        return self.redis(appendonly="yes", appendfsync="always", **options)

    def test_row_08_killed_and_back_with_everything(self):
        store = self.durable()
        self.begin(store)
        for share in (0.2, 0.4, 0.6):
            self.await_share(share)
            self.act("SIGKILL to Redis", store.kill)
            self.mend("Redis is started again", store.start)
        self.settle()

    def test_row_08_back_empty(self):
        """What is empty holds nothing stale: the survivors alone are filled in again."""
        self.goes_back = True
        store = self.redis()
        self.begin(store)
        self.await_share(0.3)
        self.act("SIGKILL to Redis", store.kill)
        self.values_may_go = True
        self.act("Redis is started, empty", store.start)
        store.fill(["q:%d" % i for i in range(100)])
        self.bus.wait_ready()
        self.settle()

    @every_run
    def test_row_08_back_from_an_old_snapshot(self):
        """Keys that were deleted after the snapshot are there again; the log is read again."""
        self.goes_back = True
        store = self.redis(save="3600 1000000")
        self.begin(store, by_file={"url": store.url, "rewind": "60s"})
        path = os.path.join(store.folder, "dump.rdb")
        store.cmd("SAVE")
        self.act("a snapshot is taken", shutil.copy, path, path + ".old")
        self.await_share(0.4)
        self.act("SIGKILL to Redis", store.kill)
        shutil.copy(path + ".old", path)
        self.mend("Redis is started from the snapshot", store.start)
        self.bus.wait_metric(lambda value: value >= 1, "unstale_rewinds_total")
        self.settle()

    def test_row_09_frozen(self):
        store = self.redis()
        self.begin(store)
        self.await_share(0.3)
        self.act("SIGSTOP to Redis", store.freeze)
        self.dwell(LONG_SECONDS)
        self.mend("SIGCONT to Redis", store.thaw)
        self.settle()

    def through_a_proxy(self, **options):
        store = self.redis()
        self.proxy = Proxy(lambda: ("127.0.0.1", store.port))
        self.addCleanup(self.proxy.stop)
        self.begin(store, url="redis://127.0.0.1:%d/1" % self.proxy.port, **options)

    def test_row_09_half_open(self):
        """The connection stands and nothing comes: that is noticed, and the work is sent again."""
        self.through_a_proxy()
        self.await_share(0.3)
        self.act("no replies", self.proxy.mute)
        self.bus.wait_not_ready()
        self.mend("replies again", self.proxy.mend)
        self.await_share(0.6)
        self.act("nothing passes", self.proxy.stall)
        self.bus.wait_not_ready()
        self.mend("everything passes again", self.proxy.mend)
        self.settle()

    @every_run
    def test_row_09_reset_in_mid_pipeline(self):
        self.through_a_proxy()
        for at in range(30):
            self.await_share(0.025 * at)
            if self.random.random() < 0.5:
                self.act("reset", self.proxy.reset)
            else:
                self.act("replies end", self.proxy.truncate, self.random.randrange(1, 60))
            self.dwell(self.random.uniform(0, 0.2))
        self.caught_up()
        self.settle()

    def test_row_09_whatever_networks_do(self):
        self.count = 12000
        self.through_a_proxy()
        for at in range(ROUNDS):
            self.await_share(0.75 * at / ROUNDS)
            self.act("a fault", lambda: self.history.add(
                self.proxy.random_fault(self.random, 1.5)))
        self.caught_up()
        self.settle()

    @every_run
    def test_row_09_replies_that_lie(self):
        """Wrong kinds, lengths beyond all memory, no reply at all: never a crash, never a loss."""
        self.through_a_proxy()
        memory = self.rss_kib()
        for at, reply in enumerate(LIES * 2):
            self.await_share(0.75 * at / len(LIES) / 2)
            self.act("a reply that lies: %r" % reply[:20], self.proxy.lie, reply)
            self.dwell(self.random.uniform(0, 0.2))
        self.caught_up()
        self.assertTrue(self.bus.running(), self.bus.tail())
        self.assertLess(self.rss_kib() - memory, 64 << 10)
        self.settle()

    def rss_kib(self):
        with open("/proc/%d/status" % self.bus.child.pid, encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def refused(self, what, begin, end):
        self.act(what, begin)
        self.dwell(2)
        self.mend(what + " no more", end)

    def config(self, name, value):
        return lambda: self.store.cmd("CONFIG", "SET", name, value)

    def test_row_12_out_of_memory(self):
        """At its limit Redis still deletes; what would need room waits or gives way, and is right."""
        self.begin(self.redis())
        self.values_may_go = True
        self.await_share(0.2)
        self.refused("OOM", self.config("maxmemory", 1), self.config("maxmemory", 0))
        self.settle()

    def test_row_12_no_snapshot_no_writes(self):
        store = self.redis(save="3600 1000000", dbfilename="dump.rdb")
        obstacle = os.path.join(store.folder, "dump.rdb")
        os.makedirs(os.path.join(obstacle, "in-the-way"))
        self.begin(store)
        self.await_share(0.2)
        self.act("a snapshot fails: MISCONF", store.cmd, "BGSAVE")
        wait_until(lambda: store.info("persistence", "rdb_last_bgsave_status") == "err", 20,
                   "the snapshot fails")
        self.dwell(3)
        shutil.rmtree(obstacle)
        self.mend("a snapshot succeeds", store.cmd, "BGSAVE")
        self.settle()

    def test_row_12_too_few_replicas(self):
        self.begin(self.redis())
        self.await_share(0.2)
        self.refused("NOREPLICAS", self.config("min-replicas-to-write", 1),
                     self.config("min-replicas-to-write", 0))
        self.settle()

    def test_row_12_loading(self):
        store = self.durable(key_load_delay=400, loading_process_events_interval_bytes=1024)
        self.begin(store)
        self.await_share(0.3)
        self.act("SIGKILL to Redis", store.kill)
        self.mend("it loads its log for seconds", store.start)
        self.settle()

    @every_run
    def test_row_12_rights_taken_and_given_back(self):
        store = self.redis()
        store.cmd("ACL", "SETUSER", *USER, "+@all")
        self.begin(store, url="redis://bus:secret@127.0.0.1:%d/1" % store.port)
        self.await_share(0.2)
        self.refused("no right to delete",
                     lambda: store.cmd("ACL", "SETUSER", "bus", "-unlink", "-del"),
                     lambda: store.cmd("ACL", "SETUSER", "bus", "+@all"))
        self.await_share(0.5)
        self.refused("another password",
                     lambda: (store.cmd("ACL", "SETUSER", "bus", "resetpass", ">other"),
                              store.cmd("CLIENT", "KILL", "USER", "bus")),
                     lambda: store.cmd("ACL", "SETUSER", "bus", "resetpass", ">secret"))
        self.settle()


if __name__ == "__main__":
    main()
