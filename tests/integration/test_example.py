"""The example of the library, as a reader of its header would build and run it."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.suite import BusTest, main


class ExampleTest(BusTest):
    def run_example(self, *arguments):
        path = os.path.join(process.build_dir(), "bus", "examples", "emit_product")
        return process.run([os.path.abspath(path)] + list(arguments), timeout=60)

    def test_it_publishes_an_event_that_the_program_applies(self):
        redis = self.redis()
        topic = self.topic(partitions=3)
        keys = ["shelf:3", "shelf:7"]
        redis.fill(keys)
        self.unstale(redis, topic, [{"name": "shelves", "when": {"model": "shop.Product"},
                                     "do": {"delete": "shelf:{category_id}"}}])
        code, out, err = self.run_example(self.broker.brokers, topic)
        self.assertEqual(code, 0, out + err)
        self.assertRegex(out, r"partition \d, offset 0")
        record, = self.topics.consume(topic)
        self.assertEqual(record.key, b"shop.Product:42")
        self.assertEqual(json.loads(record.value)["pk"], 42)
        self.wait_gone(redis, keys)


if __name__ == "__main__":
    main()
