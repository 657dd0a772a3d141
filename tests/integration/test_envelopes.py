"""Topics of other formats: CloudEvents, Debezium and Maxwell through a real Kafka into a real Redis."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.suite import BusTest, main

RULES = {
    "version": 1,
    "caches": {"default": {"keys": "raw"}},
    "models": {"shop.Product": {"table": "shop_product"}},
    "rules": [
        {"name": "product", "when": {"model": "shop.Product"},
         "do": {"delete": ["product:{pk}", "category:{category_id?}", "{tenant?}:product:{pk}"]}},
    ],
}
KEYS = ["product:42", "category:3", "category:7", "acme:product:42"]


def record(path):
    return json.loads(process.read(os.path.join(process.ROOT, "schemas", "examples",
                                                path + ".json")))


class EnvelopesTest(BusTest):
    def check(self, paths, left, skipped=0, formats=None):
        """Sends the records to a program that has all of KEYS before; `left` are there after."""
        store, events = self.redis(), self.topic()
        env = {"UNSTALE_KAFKA_FORMATS": "%s=%s" % (events, formats)} if formats else {}
        bus = self.unstale(store, events, RULES, env=env)
        store.fill(KEYS)
        self.topics.produce(events, [record(path) for path in paths])
        self.wait_lag(events, self.name)
        self.assertEqual(store.existing(KEYS), left)
        self.assertEqual(bus.metric("unstale_records_skipped_total"), skipped)
        return [dict(letter.headers) for letter in self.topics.consume(events + ".dlq")]

    def test_cloudevents_in_the_value(self):
        self.assertEqual(self.check(["cloudevents/structured-update"], ["acme:product:42"]), [])

    def test_cloudevents_in_headers(self):
        self.assertEqual(self.check(["cloudevents/binary-update",
                                     "cloudevents/skipped-binary-tombstone"], [], skipped=1), [])

    def test_debezium(self):
        self.assertEqual(self.check(["debezium/skipped-heartbeat", "debezium/update-traced",
                                     "debezium/update-with-schema", "debezium/skipped-tombstone",
                                     "debezium/skipped-transaction-end"], [], skipped=3), [])

    def test_maxwell(self):
        self.assertEqual(self.check(["maxwell/skipped-table-create", "maxwell/update"],
                                    ["acme:product:42"], skipped=1), [])

    def test_a_pinned_topic_takes_nothing_else(self):
        letters = self.check(["maxwell/update", "debezium/delete"],
                             ["category:3", "acme:product:42"], formats="debezium")
        self.assertEqual([letter["unstale.reason"] for letter in letters], [b"bad_event"])


if __name__ == "__main__":
    main()
