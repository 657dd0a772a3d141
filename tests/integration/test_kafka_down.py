"""Kafka away is a reason to wait; the program neither ends nor loses its place."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.servers import KafkaBroker
from lib.suite import BusTest, main, wait_until

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'
COUNT = 100000


class KafkaDownTest(BusTest):
    """With a broker of its own, which the other tests do not notice."""

    def setUp(self):
        super().setUp()
        self.own = KafkaBroker()
        self.addCleanup(self.own.stop)
        self.watch("kafka", self.own.log)
        for name in ("events", "events.dlq"):
            self.own.topics.create(name, 2 if name == "events" else 1)

    def test_killed_under_load_and_back(self):
        redis = self.redis()
        keys = ["p:%d" % i for i in range(COUNT)]
        redis.fill(keys)
        bus = self.unstale(redis, "events", ONE, brokers=self.own.brokers)
        self.own.topics.generate("events", COUNT, EVENT, key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        self.own.kill()
        self.assertEqual(bus.http("/healthz").status, 200)
        self.own.start()
        self.wait_gone(redis, keys, timeout=90)
        wait_until(lambda: self.own.topics.lag("events", self.name) == 0, 60,
                   lambda: "lag 0\n" + bus.tail())
        bus.wait_ready()
        self.assertEqual(bus.stop(), 0, bus.tail())

    def test_down_at_start(self):
        redis = self.redis()
        redis.fill(["p:1"])
        self.own.topics.produce("events", [{"value": {
            "event": "post_save", "model": "shop.Product", "pk": 1, "created": False}}])
        self.own.stop()
        bus = self.unstale(redis, "events", ONE, brokers=self.own.brokers, ready=False)
        bus.wait_listening().wait_not_ready()
        self.own.start()
        bus.wait_ready(timeout=60)
        self.wait_gone(redis, ["p:1"])


if __name__ == "__main__":
    main()
