"""A master of a cluster dies under load: its replica takes over, and what it may lack is done again."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.redis_cluster import RedisCluster
from lib.suite import BusTest, main, wait_until

RULES = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
         {"name": "lists", "when": {"model": "shop.List"}, "do": {"purge": "list:*"}}]
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'
COUNT = 20000


class FailoverTest(BusTest):
    def setUp(self):
        super().setUp()
        self.cluster = RedisCluster(replicas=1)
        self.addCleanup(self.cluster.stop)
        for node in self.cluster.nodes:
            self.watch("node", node.log)
        self.events = self.topic(partitions=2)

    def fail_over(self):
        """Kills the second master; returns the replica that is the master then."""
        master, replica = self.cluster.masters[1], self.cluster.replicas[1]
        master.kill()
        wait_until(lambda: replica.cmd("ROLE")[0] == "master", 30, "the replica took over")
        self.cluster.take_over(replica, master)
        wait_until(self.cluster.is_well, 30, "the cluster is well again")
        return replica

    def test_a_master_dies(self):
        keys = ["p:%d" % pk for pk in range(COUNT)]
        lists = ["list:%d" % at for at in range(300)]
        self.cluster.fill(keys + lists)
        for node in self.cluster.masters:
            self.assertEqual(node.cmd("WAIT", 1, 10000), 1)
        bus = self.unstale_by_file({"url": self.cluster.url, "cluster": True}, self.events, RULES)
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        self.fail_over()
        event = {"event": "post_save", "model": "shop.List", "pk": 1, "created": False}
        self.topics.produce(self.events, [{"value": event}])
        self.wait_gone(self.cluster, keys + lists, timeout=60)
        self.wait_lag(self.events, self.name, timeout=60)
        bus.wait_ready()
        bus.wait_metric(lambda value: value >= 1, "unstale_rewinds_total")
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)


if __name__ == "__main__":
    main()
