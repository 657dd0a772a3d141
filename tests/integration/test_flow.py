"""An event in Kafka becomes the right operations in Redis; restarts neither lose nor repeat."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.program import Unstale, unstale
from lib.suite import BusTest, main, wait_until

SHOP = {
    "version": 1,
    "caches": {"default": {"keys": "django", "prefix": "myapp", "serializer": "json"}},
    "rules": [
        {"name": "lists", "when": {"model": "shop.Product"},
         "do": {"delete": ["product:{pk}", "active_products", "products:category:{category_id}"]}},
        {"name": "counter", "when": {"model": "shop.Product"},
         "do": {"bump": ["products_version", "category:{category_id}:ver"]}},
        {"name": "write-through", "when": {"model": "shop.Product", "op": ["create", "update"]},
         "do": {"refresh": {"key": "product:{pk}:data", "ttl": "1h",
                            "value": {"id": "{pk}", "name": "{after.name}"}}}},
    ],
}
ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'


class OneEventTest(BusTest):
    """With nothing but the two addresses given: everything else is the default."""

    def test_every_verb_reaches_redis(self):
        redis = self.redis()
        for topic in ("model-events", "model-events.dlq"):
            self.topics.create(topic, 1)
            self.addCleanup(self.topics.delete, topic)
        keys = ["myapp:1:product:42", "myapp:1:active_products", "myapp:1:products:category:3",
                "myapp:1:products:category:7"]
        kept = ["myapp:1:products:category:4", "myapp:2:product:42", "sessions:abc"]
        redis.fill(keys + kept)
        redis.cmd("SET", "myapp:1:category:3:ver", 5)
        redis.cmd("SET", "myapp:1:category:7:ver", 9007199254740990)
        bus = Unstale(self.broker.brokers, redis.url, rules=SHOP, bare=True)
        self.watch("unstale", bus.log)
        self.addCleanup(self._end, bus)
        bus.wait_ready()

        before_ms = int(time.time() * 1000)
        event = {"event": "post_save", "model": "shop.Product", "pk": 42, "created": False,
                 "version": 7, "ts": before_ms, "before": {"category_id": 3},
                 "after": {"category_id": 7, "name": "Caf\u00e9"}}
        self.topics.produce("model-events", [{"key": "shop.Product:42", "value": event}])

        self.wait_gone(redis, keys)
        self.wait_lag("model-events", "unstale")
        self.assertEqual(redis.existing(kept), kept)
        self.assertGreaterEqual(int(redis.cmd("GET", "myapp:1:products_version")), before_ms)
        self.assertEqual(redis.cmd("GET", "myapp:1:category:3:ver"), str(before_ms))
        self.assertEqual(redis.cmd("GET", "myapp:1:category:7:ver"), "9007199254740991")
        self.assertEqual(json.loads(redis.cmd("GET", "myapp:1:product:42:data")),
                         {"id": 42, "name": "Caf\u00e9"})
        self.assertTrue(3500000 < redis.cmd("PTTL", "myapp:1:product:42:data") <= 3600000)
        self.assertEqual(redis.cmd("PTTL", "myapp:1:products_version"), -1)
        self._metrics_agree(bus)
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.assertEqual(self.committed("model-events", "unstale"), 1)

    def _metrics_agree(self, bus):
        self.assertEqual(bus.metric("unstale_records_total"), 1)
        self.assertEqual(bus.metric("unstale_events_total", model="shop.Product", op="update"), 1)
        self.assertEqual(bus.metric("unstale_rule_matches_total", rule="lists"), 1)
        self.assertEqual(bus.metric("unstale_operations_total", rule="lists", verb="delete"), 4)
        self.assertEqual(bus.metric("unstale_operations_total", rule="counter", verb="bump"), 3)
        self.assertEqual(bus.metric("unstale_operations_total", verb="refresh"), 1)
        self.assertEqual(bus.metric("unstale_keys_deleted_total"), 4)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)
        self.assertEqual(bus.metric("unstale_redis_up"), 1)
        self.assertEqual(bus.metric("unstale_staleness_seconds_count"), 1)
        self.assertEqual(bus.metric("unstale_rules_last_reload_successful"), 1)
        bus.wait_metric(lambda value: value == 1, "unstale_committed_offset", partition="0")
        bus.wait_metric(lambda value: value == 0, "unstale_consumer_lag", partition="0")

    def test_an_older_version_does_not_come_back(self):
        redis = self.redis()
        topic = self.topic()
        self.unstale(redis, topic, SHOP)
        for version, name in ((7, "new"), (6, "old")):
            self.emit_products(topic, [1], version=version, before={"category_id": 1},
                               after={"category_id": 1, "name": name})
        self.wait_lag(topic, self.name)
        self.assertEqual(json.loads(redis.cmd("GET", "myapp:1:product:1:data"))["name"], "new")


class ManyEventsTest(BusTest):
    def test_all_that_emit_sends_is_applied(self):
        count = 100000
        redis = self.redis()
        topic = self.topic(partitions=4)
        keys = ["p:%d" % i for i in range(count)]
        redis.fill(keys)
        bus = self.unstale(redis, topic, ONE)
        code, out, err = unstale("emit", "-", env=bus.env, timeout=120,
                                 input="".join(EVENT.replace("{i}", str(i)) + "\n"
                                               for i in range(count)))
        self.assertEqual(code, 0, out + err)
        self.wait_gone(redis, keys, timeout=60)
        self.wait_lag(topic, self.name)
        self.assertEqual(sum(row.committed for row in self.topics.offsets(topic, self.name)), count)
        for name in ("unstale_records_total", "unstale_keys_deleted_total"):
            self.assertEqual(bus.metric(name), count, name)
        self.assertEqual(bus.metric("unstale_events_total", model="shop.Product"), count)
        self.assertEqual(bus.metric("unstale_operations_total", rule="one", verb="delete"), count)
        self.assertEqual(bus.metric("unstale_staleness_seconds_count"), count)


class RestartTest(BusTest):
    def test_no_committed_offset_starts_at_the_beginning(self):
        redis = self.redis()
        topic = self.topic(partitions=2)
        keys = ["p:%d" % i for i in range(200)]
        redis.fill(keys)
        self.emit_products(topic, range(200))
        bus = self.unstale(redis, topic, ONE)
        self.wait_gone(redis, keys)
        self.wait_lag(topic, self.name)
        self.assertEqual(bus.metric("unstale_records_total"), 200)

    def test_the_beginning_is_what_retention_left(self):
        redis = self.redis()
        topic = self.topic()
        redis.fill("p:%d" % i for i in range(100))
        self.emit_products(topic, range(100))
        self.topics.trim(topic, 0, 40)
        self.unstale(redis, topic, ONE)
        self.wait_gone(redis, ["p:%d" % i for i in range(40, 100)])
        self.assertEqual(redis.cmd("DBSIZE"), 40)

    def test_a_restart_goes_on_from_the_committed_offset(self):
        redis = self.redis()
        topic = self.topic()
        first = ["p:%d" % i for i in range(100)]
        second = ["p:%d" % i for i in range(100, 200)]
        redis.fill(first)
        bus = self.unstale(redis, topic, ONE)
        self.emit_products(topic, range(100))
        self.wait_gone(redis, first)
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.assertEqual(self.committed(topic, self.name), 100)

        redis.fill(first + second)
        self.emit_products(topic, range(100, 200))
        bus.start().wait_ready()
        self.wait_gone(redis, second)
        self.assertEqual(redis.existing(first), first)
        self.assertEqual(bus.metric("unstale_records_total"), 100)

    def test_sigterm_under_load_commits_what_was_done(self):
        redis = self.redis()
        topic = self.topic(partitions=2)
        count = 60000
        keys = ["p:%d" % i for i in range(count)]
        redis.fill(keys)
        bus = self.unstale(redis, topic, ONE)
        self.topics.generate(topic, count, EVENT, key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        self.assertEqual(bus.stop(), 0, bus.tail())
        done = sum(row.committed or 0 for row in self.topics.offsets(topic, self.name))
        self.assertEqual(count - len(redis.existing(keys)), done)

        bus.start().wait_ready()
        self.wait_gone(redis, keys)
        self.wait_lag(topic, self.name)
        wait_until(lambda: bus.metric("unstale_records_total") == count - done, 5,
                   "the second run reads what the first left, once")


if __name__ == "__main__":
    main()
