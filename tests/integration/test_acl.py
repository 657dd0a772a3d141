"""config/redis-acl.conf: every verb works with exactly those rights, on one server and in a cluster."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import unstale
from lib.redis_cluster import RedisCluster
from lib.suite import BusTest, main, wait_until
from lib.verbs import RULES, Verbs

SAMPLE = os.path.join(process.ROOT, "config", "redis-acl.conf")


def user_line():
    line, = [line for line in process.read(SAMPLE).splitlines() if line.startswith("user ")]
    return line.split()


class AclTest(BusTest):
    def give_rights(self, server, without=()):
        """Makes the user as the file says."""
        name, *rules = user_line()[1:]
        server.cmd("ACL", "SETUSER", name, "reset", *[rule for rule in rules
                                                      if rule not in without])

    def target(self, url):
        return url.replace("redis://", "redis://%s:change-me@" % user_line()[1])

    def run_everything(self, store, target):
        events = self.topic(partitions=2)
        verbs = Verbs(store)
        records = verbs.begin()
        bus = self.unstale_by_file(target, events, RULES)
        for _ in range(2):
            self.topics.produce(events, records)
            verbs.check()
            self.wait_lag(events, self.name)
            records = verbs.begin()
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)
        self.assertNotIn("NOPERM", bus.log_text())
        return bus

    def test_one_server(self):
        store = self.redis()
        self.give_rights(store)
        self.run_everything(store, {"url": self.target(store.url)})

    def test_a_cluster(self):
        cluster = RedisCluster()
        self.addCleanup(cluster.stop)
        for node in cluster.masters:
            self.watch("node", node.log)
            self.give_rights(node)
        self.run_everything(cluster, {"url": self.target(cluster.url), "cluster": True})

    def test_replicas(self):
        store = self.redis()
        copy = self.redis(replicaof="127.0.0.1 %d" % store.port, repl_diskless_sync_delay=0)
        wait_until(lambda: "master_link_status:up" in copy.cmd("INFO", "replication"), 30, "in sync")
        self.give_rights(store)
        self.run_everything(store, {"url": self.target(store.url), "wait_replicas": 1})

    def test_doctor(self):
        store = self.redis()
        self.give_rights(store)
        out = unstale("doctor", "--redis", self.target(store.url), "--brokers",
                      self.broker.brokers)[1]
        self.assertNotIn("NOPERM", out)
        self.assertRegex(out, r"eviction noeviction")

    def test_a_right_that_is_missing_stops_it(self):
        """It waits, not ready, until it is given; nothing is skipped."""
        store = self.redis()
        self.give_rights(store, without=["+unlink"])
        events = self.topic()
        store.fill(["cache:p:1"])
        bus = self.unstale_by_file({"url": self.target(store.url)}, events, RULES)
        self.emit_products(events, [1])
        bus.wait_not_ready()
        wait_until(lambda: "unlink" in bus.http("/readyz").text.lower(), 20,
                   lambda: "/readyz names it: " + bus.http("/readyz").text)
        self.give_rights(store)
        self.wait_gone(store, ["cache:p:1"])
        self.wait_lag(events, self.name)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)


if __name__ == "__main__":
    main()
