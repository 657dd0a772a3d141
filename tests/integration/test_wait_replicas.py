"""wait_replicas: a batch counts only when so many replicas have it."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]


class WaitReplicasTest(BusTest):
    def start(self, replicas):
        self.store = self.redis()
        self.copy = self.redis(replicaof="127.0.0.1 %d" % self.store.port,
                               repl_diskless_sync_delay=0)
        self.events = self.topic()
        self.in_sync()
        return self.unstale_by_file({"url": self.store.url, "wait_replicas": replicas},
                                    self.events, ONE)

    def in_sync(self):
        wait_until(lambda: "master_link_status:up" in self.copy.cmd("INFO", "replication"), 30,
                   "the replica is in sync")

    def test_with_enough_it_flows(self):
        bus = self.start(1)
        keys = ["p:%d" % pk for pk in range(5000)]
        self.store.fill(keys)
        self.emit_products(self.events, range(5000))
        self.wait_lag(self.events, self.name)
        self.assertEqual(self.copy.existing(keys), [])
        self.assertEqual(bus.metric("unstale_redis_wait_failures_total"), 0)

    def test_without_it_is_not_acknowledged(self):
        bus = self.start(1)
        self.store.fill(["p:1", "p:2"])
        self.copy.freeze()
        self.emit_products(self.events, [1])
        self.wait_gone(self.store, ["p:1"])
        bus.wait_metric(lambda value: value >= 1, "unstale_redis_wait_failures_total")
        wait_until(lambda: "0 of 1 replicas" in bus.http("/readyz").text, 20,
                   lambda: "/readyz says why: " + bus.http("/readyz").text)
        self.assertEqual(self.topics.lag(self.events, self.name), 1)
        self.copy.thaw()
        self.wait_lag(self.events, self.name)
        bus.wait_ready()
        self.assertEqual(self.copy.existing(["p:1"]), [])

    def test_what_a_lost_connection_wrote_is_written_again(self):
        """WAIT on a new connection knows nothing of the old one's writes."""
        bus = self.start(1)
        self.store.fill(["p:1"])
        self.copy.freeze()
        self.emit_products(self.events, [1])
        self.wait_gone(self.store, ["p:1"])
        bus.wait_metric(lambda value: value >= 1, "unstale_redis_wait_failures_total")
        self.store.cmd("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.store.fill(["p:1"])
        self.wait_gone(self.store, ["p:1"])
        self.copy.thaw()
        self.wait_lag(self.events, self.name)
        self.assertEqual(self.copy.existing(["p:1"]), [])


if __name__ == "__main__":
    main()
