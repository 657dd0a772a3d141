"""How large and how many: what still goes, what is set aside, what waits."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
MIB = 1 << 20


def event_of(pk, size):
    """An event of exactly so many bytes."""
    event = {"event": "post_save", "model": "shop.Product", "pk": pk, "created": False, "x": ""}
    text = json.dumps(event, separators=(",", ":"))
    event["x"] = "x" * (size - len(text))
    text = json.dumps(event, separators=(",", ":"))
    assert len(text) == size
    return {"key": "shop.Product:%d" % pk, "value": text}


class SizeTest(BusTest):
    def sizes(self, sizes, **env):
        """Sends one event a size; returns the sizes that were set aside."""
        redis = self.redis()
        topic = self.topic(max_message_bytes=20000000)
        redis.fill("p:%d" % i for i in range(len(sizes)))
        self.unstale(redis, topic, ONE, env=env)
        self.topics.produce(topic, [event_of(i, size) for i, size in enumerate(sizes)])
        self.wait_lag(topic, self.name)
        letters = self.topics.consume(topic + ".dlq")
        for letter in letters:
            self.assertEqual(dict(letter.headers)["unstale.reason"], b"too_large")
        aside = [len(letter.value) for letter in letters]
        self.assertEqual([sizes[int(key[2:])] for key in
                          redis.existing("p:%d" % i for i in range(len(sizes)))], aside)
        return aside

    def test_a_mebibyte_and_a_byte_more(self):
        self.assertEqual(self.sizes([200, MIB - 1, MIB, MIB + 1, 200]), [MIB + 1])

    def test_the_limit_can_be_lowered(self):
        self.assertEqual(self.sizes([1000, 1001, 200], UNSTALE_KAFKA_MAX_EVENT_BYTES="1000"),
                         [1001])

    def test_the_limit_can_be_raised(self):
        self.assertEqual(self.sizes([3 * MIB, 3 * MIB + 1, 200],
                                    UNSTALE_KAFKA_MAX_EVENT_BYTES=str(3 * MIB)), [3 * MIB + 1])

    def test_many_large_events_in_a_row(self):
        self.assertEqual(self.sizes([MIB] * 40), [])


class ManyTest(BusTest):
    def test_ten_thousand_pks_in_one_event(self):
        redis = self.redis()
        topic = self.topic()
        keys = ["p:%d" % i for i in range(10000)]
        redis.fill(keys + ["p:10000"])
        bus = self.unstale(redis, topic, ONE)
        event = {"event": "bulk_update", "model": "shop.Product"}
        self.topics.produce(topic, [{"value": dict(event, pks=list(range(10000)))}])
        self.wait_gone(redis, keys)
        self.wait_lag(topic, self.name)
        self.assertEqual(bus.metric("unstale_operations_total", rule="one", verb="delete"), 10000)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)
        self.topics.produce(topic, [{"value": dict(event, pks=list(range(10001)))}])
        self.wait_lag(topic, self.name)
        self.assertEqual([dict(letter.headers)["unstale.reason"]
                          for letter in self.topics.consume(topic + ".dlq")], [b"bad_event"])
        self.assertEqual(redis.existing(["p:10000"]), ["p:10000"])

    def test_two_hundred_thousand_keys_and_what_is_beyond(self):
        redis = self.redis()
        topic = self.topic()
        rules = [{"name": "wide", "max_keys": 1000, "when": {"model": "shop.Product"},
                  "do": {"delete": ["k%d:{pk}" % i for i in range(21)]}}]
        redis.fill(["k0:0", "k20:0", "k19:9522", "k20:9999"])
        bus = self.unstale(redis, topic, rules)
        event = {"event": "bulk_update", "model": "shop.Product", "pks": list(range(10000))}
        self.topics.produce(topic, [{"value": event}])
        self.wait_lag(topic, self.name, timeout=60)
        self.assertEqual(redis.existing(["k0:0", "k20:0", "k19:9522", "k20:9999"]), ["k20:9999"])
        self.assertEqual(bus.metric("unstale_operations_total"), 200000)
        self.assertEqual([dict(letter.headers)["unstale.reason"]
                          for letter in self.topics.consume(topic + ".dlq")], [b"max_keys"])

    def test_ten_thousand_pending_patterns_rest_the_partition(self):
        redis = self.redis()
        topic = self.topic(partitions=2)
        rules = [{"name": "shelves", "when": {"model": "shop.Shelf"},
                  "do": {"purge": {"pattern": "shelf:{pk}:*", "rate": 500}}}] + ONE
        # One shelf has so many keys that the walk, which all patterns share, takes its time.
        shelves = ["shelf:0:%d" % i for i in range(3000)] + ["shelf:%d:x" % i for i in (1, 11999)]
        redis.fill(shelves + ["p:1", "p:2"])
        bus = self.unstale(redis, topic, rules)
        event = {"event": "bulk_update", "model": "shop.Shelf"}
        self.topics.produce(topic, [
            {"value": dict(event, pks=list(range(first, first + 4000)))}
            for first in (0, 4000, 8000)], partition=0)
        bus.wait_log("partitions rest: too much work waits")
        self.emit(topic, 1, partition=0)
        self.emit(topic, 2, partition=1)
        self.wait_gone(redis, ["p:2"])
        self.assertEqual(redis.existing(["p:1"]), ["p:1"], "its partition rests")
        self.assertTrue(bus.metric("unstale_purges_pending") >= 5000)
        self.assertFalse(self.committed(topic, self.name, 0))
        self.wait_gone(redis, shelves + ["p:1"], timeout=60)
        self.wait_lag(topic, self.name, timeout=60)
        bus.wait_log("partitions resumed")
        self.assertEqual(bus.metric("unstale_purges_pending"), 0)

    def emit(self, topic, pk, partition):
        event = {"event": "post_save", "model": "shop.Product", "pk": pk, "created": False}
        self.topics.produce(topic, [{"value": event}], partition=partition)


if __name__ == "__main__":
    main()
