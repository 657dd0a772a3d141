"""`unstale_consumer_lag` tells how far behind the bus is, most of all while it waits."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]


class LagTest(BusTest):
    def lag(self, bus, wanted, timeout=15):
        bus.wait_metric(lambda value: value == wanted, "unstale_consumer_lag", timeout=timeout)

    def test_grows_while_redis_is_down(self):
        redis = self.redis()
        topic = self.topic(partitions=2)
        bus = self.unstale(redis, topic, ONE)
        self.emit_products(topic, range(10))
        self.wait_lag(topic, self.name)
        self.lag(bus, 0)
        redis.stop()
        bus.wait_not_ready()
        self.emit_products(topic, range(100))
        self.lag(bus, 100)
        self.emit_products(topic, range(50))
        self.lag(bus, 150)
        redis.start()
        bus.wait_ready()
        self.lag(bus, 0)
        self.wait_lag(topic, self.name)

    def test_is_zero_behind_a_transaction(self):
        """Its end is marked in the log by a record that no consumer is given."""
        redis = self.redis()
        topic = self.topic()
        bus = self.unstale(redis, topic, ONE)
        redis.fill(["p:1", "p:2"])
        for pk in (1, 2):
            self.topics.produce(topic, [{"value": {"event": "post_save", "model": "shop.Product",
                                                   "pk": pk, "created": False}}],
                                transaction=self.name)
        self.wait_gone(redis, ["p:1", "p:2"])
        self.assertEqual(self.topics.ends(topic), [4])
        bus.wait_metric(lambda value: value == 3, "unstale_committed_offset")
        self.lag(bus, 0)


if __name__ == "__main__":
    main()
