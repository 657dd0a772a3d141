"""Valkey beside Redis: every verb on one server and in a cluster, and a restart from an old snapshot."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.redis import find_valkey
from lib.redis_cluster import RedisCluster
from lib.suite import BusTest, main
from lib.verbs import RULES, Verbs

VALKEY = find_valkey()


@unittest.skipIf(VALKEY is None, "no valkey-server here (.ci/deps valkey fetches one)")
class ValkeyTest(BusTest):
    def run_rounds(self, verbs, target):
        events = self.topic(partitions=2)
        records = verbs.begin()
        bus = self.unstale_by_file(target, events, RULES)
        for _ in range(2):
            self.topics.produce(events, records)
            verbs.check()
            self.wait_lag(events, self.name)
            records = verbs.begin()
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)
        return events, records, bus

    def test_one_server(self):
        store = self.redis(program=VALKEY)
        self.assertIn("valkey_version", store.cmd("INFO", "server"))
        self.run_rounds(Verbs(store), {"url": store.url})

    def test_a_cluster(self):
        cluster = RedisCluster(program=VALKEY)
        self.addCleanup(cluster.stop)
        for node in cluster.masters:
            self.watch("node", node.log)
        self.run_rounds(Verbs(cluster), {"url": cluster.url, "cluster": True})

    def test_a_restart_from_an_old_snapshot(self):
        store = self.redis(program=VALKEY)
        events = self.topic()
        keys = ["cache:p:%d" % pk for pk in range(100)]
        store.fill(keys)
        store.cmd("SAVE")
        path = os.path.join(store.folder, "dump.rdb")
        shutil.copy(path, path + ".old")
        bus = self.unstale_by_file({"url": store.url}, events, RULES)
        self.emit_products(events, range(100))
        self.wait_gone(store, keys)
        self.wait_lag(events, self.name)
        store.kill()
        shutil.copy(path + ".old", path)
        store.start()
        self.wait_gone(store, keys)
        bus.wait_log("going back")


if __name__ == "__main__":
    main()
