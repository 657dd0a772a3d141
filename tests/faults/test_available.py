"""A Redis that outlives a server: rows 10 and 11 of the table in docs/reliability.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checker import FaultTest, main, wait_until

from lib.redis_cluster import SLOTS, RedisCluster
from lib.sentinel import Watched


class SentinelTest(FaultTest):
    goes_back = True  # what the master had not yet passed on

    def watched(self):
        watched = Watched()
        self.addCleanup(watched.stop)
        self.begin(watched.master, by_file=watched.settings)
        self.assertEqual(watched.master.cmd("WAIT", 1, 10000), 1)
        self.await_share(0.3)
        return watched

    def moved(self, watched):
        watched.wait_for_failover()
        self._forget_probe()
        self.store = watched.replica

    def test_row_10_failover(self):
        watched = self.watched()
        self.act("SIGKILL to the master", watched.master.kill)
        self.mend("the replica takes over", self.moved, watched)
        self.settle()

    def test_row_10_a_master_that_was_cut_off(self):
        """It wakes up as a master that nobody follows, with a client of old."""
        watched = self.watched()
        self.act("SIGSTOP to the master", watched.master.freeze)
        self.moved(watched)
        self.mend("the old master wakes up", watched.master.thaw)
        self.settle()


class ClusterTest(FaultTest):
    def cluster(self, **options):
        cluster = RedisCluster(**options)
        self.addCleanup(cluster.stop)
        self.begin(cluster, by_file={"url": cluster.url, "cluster": True})
        self.await_share(0.2)
        return cluster

    def test_row_11_slots_move_under_load_and_under_a_walk(self):
        cluster = self.cluster(replicas=1)
        for to in self.random.sample(cluster.masters, 3):
            self.act("60 slots begin to move")
            for slot in self.random.sample(range(SLOTS), 60):
                self.move(cluster, slot, to)
            # Two nodes that take slots at once may take the same epoch, and then differ for good.
            wait_until(lambda: self.agree(cluster), 30, "the nodes agree who has which slot")
        self.caught_up()
        self.settle()

    def move(self, cluster, slot, to):
        if cluster.owner[slot] is to:
            return
        cluster.begin_move(slot, to)
        self.lag()
        cluster.move_keys(slot, to)
        cluster.end_move(slot, to)

    @staticmethod
    def agree(cluster):
        maps = [sorted((first, last, place[1]) for first, last, place, *_ in
                       node.cmd("CLUSTER", "SLOTS")) for node in cluster.masters]
        return maps[0] == maps[1] == maps[2]

    def test_row_11_a_node_is_lost(self):
        cluster = self.cluster(replicas=1)
        for node in cluster.masters:
            node.cmd("WAIT", 1, 5000)
        master, replica = cluster.masters[1], cluster.replicas[1]
        self.act("SIGKILL to a master", master.kill)
        self.mend("its replica takes over", self.take_over, cluster, master, replica)
        self.settle()

    @staticmethod
    def take_over(cluster, master, replica):
        wait_until(lambda: replica.cmd("ROLE")[0] == "master", 30, "the replica took over")
        cluster.take_over(replica, master)
        wait_until(cluster.is_well, 30, "the cluster is well again")


if __name__ == "__main__":
    main()
