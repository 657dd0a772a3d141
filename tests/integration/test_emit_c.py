"""The C library's example against a real Kafka: what it sends, and what it says when it cannot."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.suite import BusTest, main


def emit_product(*arguments):
    program = os.path.join(process.build_dir(), "bus", "examples", "emit_product")
    return process.run([program, *arguments], timeout=60)


class EmitFromCTest(BusTest):
    def test_the_event_arrives(self):
        topic = self.topic(dead_letters=False)
        code, out, err = emit_product(self.broker.brokers, topic)
        self.assertEqual(code, 0, out + err)
        self.assertRegex(out, r"^partition \d+, offset 0\n$")
        records = self.topics.consume(topic)
        self.assertEqual([record.key for record in records], [b"shop.Product:42"])
        event = json.loads(records[0].value)
        self.assertGreater(event.pop("ts"), 1_700_000_000_000)
        self.assertEqual(event, {
            "event": "post_save", "model": "shop.Product", "pk": 42, "created": False,
            "before": {"category_id": 7, "price": 12.0},
            "after": {"id": 42, "name": "Lamp", "category_id": 3, "price": 9.5},
            "source": "emit_product"})

    def test_no_broker_is_said_and_not_waited_for(self):
        code, out, err = emit_product("127.0.0.1:%d" % process.free_port())
        self.assertEqual((code, out), (1, ""))
        self.assertIn("emit_product: events still queued: 1", err)


if __name__ == "__main__":
    main()
