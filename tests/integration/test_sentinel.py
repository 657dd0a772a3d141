"""A master that Sentinels know: found at the start, found again after a failover, and nothing lost."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import rules_file
from lib.sentinel import Watched
from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'
COUNT = 40000


class SentinelTest(BusTest):
    def setUp(self):
        super().setUp()
        self.watched = Watched()
        self.addCleanup(self.watched.stop)
        self.events = self.topic(partitions=2)

    def test_failover_under_load(self):
        keys = ["p:%d" % pk for pk in range(COUNT)]
        self.watched.master.fill(keys)
        wait = self.watched.master.cmd("WAIT", 1, 10000)
        self.assertEqual(wait, 1)
        bus = self.unstale_by_file(self.watched.settings, self.events, ONE)
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        self.watched.master.kill()
        self.watched.wait_for_failover()
        bus.wait_ready()
        self.wait_gone(self.watched.replica, keys)
        self.wait_lag(self.events, self.name)
        bus.wait_metric(lambda value: value >= 1, "unstale_rewinds_total")
        self.wait_gone(self.watched.replica, keys)
        self.wait_lag(self.events, self.name)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_a_master_that_was_demoted(self):
        """It answers on, and refuses writes: the Sentinels are asked where the master is."""
        bus = self.unstale_by_file(self.watched.settings, self.events, ONE)
        self.emit_products(self.events, [1])
        self.wait_lag(self.events, self.name)
        self.watched.sentinels[0].cmd("SENTINEL", "FAILOVER", "cache")
        self.watched.wait_for_failover()
        self.watched.replica.fill(["p:2", "p:3"])
        self.emit_products(self.events, [2, 3])
        self.wait_gone(self.watched.replica, ["p:2", "p:3"])
        self.wait_lag(self.events, self.name)
        bus.wait_ready()

    def test_a_sentinel_that_is_away_is_passed_over(self):
        self.watched.sentinels[0].stop()
        self.watched.sentinels[1].stop()
        self.watched.master.fill(["p:1"])
        self.unstale_by_file(self.watched.settings, self.events, ONE)
        self.emit_products(self.events, [1])
        self.wait_gone(self.watched.master, ["p:1"])

    def test_sentinels_with_a_login_of_their_own(self):
        """Refused until the file has the right one; it is read again by a reload."""
        watched = Watched(password="guard")
        self.addCleanup(watched.stop)
        secret = os.path.join(process.private_folder("secret"), "password")
        rules_file("wrong\n", secret)
        settings = watched.settings
        settings["sentinel"]["password_file"] = secret
        watched.master.fill(["p:1"])
        bus = self.unstale_by_file(settings, self.events, ONE, ready=False)
        bus.wait_log("WRONGPASS", timeout=60)
        rules_file("guard\n", secret)
        bus.reload()
        bus.wait_ready(timeout=60)
        self.emit_products(self.events, [1])
        self.wait_gone(watched.master, ["p:1"])
        self.assertNotIn("guard", bus.log_text())


if __name__ == "__main__":
    main()
