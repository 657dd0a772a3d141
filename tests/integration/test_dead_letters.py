"""A record that cannot be used is set aside, whole; the next one goes on."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main

RULES = [
    {"name": "by-sku", "when": {"model": "shop.Product"},
     "do": {"delete": ["p:{pk}", "sku:{sku}"]}},
    {"name": "other", "when": {"model": "shop.Product"}, "do": {"delete": "other:{pk}"}},
]
ERRORS = "__connect.errors."


def product(pk, **after):
    return {"event": "post_save", "model": "shop.Product", "pk": pk, "created": False,
            "before": {}, "after": after}


class DeadLetterTest(BusTest):
    def send(self, records):
        """Sends them to a running program; returns what was sent, as it lies in the topic."""
        self.store = self.redis()
        self.events = self.topic()
        self.store.fill(["p:%d" % i for i in range(20)] + ["other:%d" % i for i in range(20)] +
                        ["sku:a"])
        self.bus = self.unstale(self.store, self.events, RULES)
        self.topics.produce(self.events, records)
        self.wait_lag(self.events, self.name)
        return self.topics.consume(self.events)

    def letters(self):
        return self.topics.consume(self.events + ".dlq")

    def check_untouched(self, letter, record):
        self.assertEqual((letter.key, letter.value, letter.timestamp),
                         (record.key, record.value, record.timestamp))
        self.assertEqual(letter.headers[:len(record.headers)], record.headers)
        added = dict(letter.headers[len(record.headers):])
        self.assertEqual(added[ERRORS + "topic"], self.events.encode())
        self.assertEqual(added[ERRORS + "partition"], b"%d" % record.partition)
        self.assertEqual(added[ERRORS + "offset"], b"%d" % record.offset)
        for name in ("exception.class.name", "exception.message"):
            self.assertTrue(added[ERRORS + name], name)
        for name in ("reason", "rules_hash", "attempts"):
            self.assertTrue(added["unstale." + name], name)
        return added

    def test_what_is_no_event(self):
        headers = [("trace", b"\x00\xff"), ("trace", "again"), ("empty", "")]
        bad = [b"not json {", b"\xff\xfe", b"", b"[1,2]",
               {"event": "post_save", "pk": 1},
               {"event": "post_save", "model": "shop.Product"},
               b'{"event":"post_save","model":"shop.Product","pk":1,"pk":2}',
               b'{"event":"post_save","model":"shop.Product","pk":1,"after":' +
               b'{"a":' * 5000 + b"1" + b"}" * 5001]
        records = [{"key": b"k\x00\xff", "value": value, "headers": headers,
                    "timestamp": 1795341600123 + i} for i, value in enumerate(bad)]
        sent = self.send([{"value": product(1, sku="a")}] + records +
                         [{"value": product(2, sku="a")}])
        letters = self.letters()
        self.assertEqual(len(letters), len(bad), [letter.value[:60] for letter in letters])
        for letter, record in zip(letters, sent[1:]):
            added = self.check_untouched(letter, record)
            self.assertEqual(added["unstale.reason"], b"bad_event")
        self.assertEqual(self.store.existing(["p:1", "p:2", "sku:a"]), [])
        self.assertEqual(self.bus.metric("unstale_dead_letters_total", reason="bad_event"),
                         len(bad))

    def test_a_null_value_is_skipped(self):
        self.send([{"key": "shop.Product:1", "value": None}, {"value": product(2, sku="a")}])
        self.assertEqual(self.letters(), [])
        self.assertEqual(self.store.existing(["p:1", "p:2"]), ["p:1"])

    def test_what_is_too_large(self):
        large = product(1, sku="x" * (1 << 20))
        sent = self.send([{"key": "shop.Product:1", "value": large},
                          {"value": product(2, sku="a")}])
        letters = self.letters()
        self.assertEqual(len(letters), 1)
        added = self.check_untouched(letters[0], sent[0])
        self.assertEqual(added["unstale.reason"], b"too_large")
        self.assertEqual(self.store.existing(["p:1", "p:2"]), ["p:1"])

    def test_a_missing_field_costs_that_key_alone(self):
        sent = self.send([{"key": "shop.Product:1", "value": product(1, name="x")},
                          {"key": "shop.Product:2", "value": product(2, sku="a")}])
        letters = self.letters()
        self.assertEqual(len(letters), 1)
        added = self.check_untouched(letters[0], sent[0])
        self.assertEqual(added["unstale.reason"], b"missing_field")
        self.assertEqual(added["unstale.rule"], b"by-sku")
        self.assertEqual(added["unstale.action"], b"delete")
        self.assertEqual(added["unstale.field"], b"sku")
        gone = ["p:1", "other:1", "p:2", "other:2", "sku:a"]
        self.assertEqual(self.store.existing(gone), [])
        self.assertEqual(self.bus.metric("unstale_dead_letters_total", reason="missing_field"), 1)

    def test_a_counter_that_is_none(self):
        redis = self.redis()
        topic = self.topic()
        redis.cmd("SET", "v", "not a number")
        bus = self.unstale(redis, topic, [{"name": "bump", "when": {"model": "shop.Product"},
                                           "do": {"bump": "v"}}])
        self.emit_products(topic, [1])
        self.wait_lag(topic, self.name)
        letters = self.topics.consume(topic + ".dlq")
        self.assertEqual([dict(letter.headers).get("unstale.reason") for letter in letters],
                         [b"not_a_counter"])
        self.assertEqual(redis.cmd("GET", "v"), "not a number")
        self.assertTrue(bus.running())

    def test_the_offset_waits_for_the_dead_letter(self):
        redis = self.redis()
        topic = self.topic(dead_letters=False)
        self.topics.create(topic + ".dlq", 1)
        redis.fill(["p:1"])
        bus = self.unstale(redis, topic, RULES, env={"UNSTALE_DRAIN_TIMEOUT": "5s"})
        self.topics.delete(topic + ".dlq")
        self.topics.produce(topic, [{"value": b"not json"}, {"value": product(1, sku="a")}])
        self.wait_gone(redis, ["p:1"])
        self.assertEqual(bus.stop(timeout=9), 0, bus.tail())
        self.assertFalse(self.committed(topic, self.name))
        self.topics.create(topic + ".dlq", 1)
        bus.start().wait_ready()
        self.wait_lag(topic, self.name)
        self.assertEqual([letter.value for letter in self.topics.consume(topic + ".dlq")],
                         [b"not json"])


if __name__ == "__main__":
    main()
