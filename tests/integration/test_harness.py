"""The harness itself: what the other tests take for granted of the servers and of the tools."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import cases, process
from lib.program import parse_metrics
from lib.redis import RedisError
from lib.suite import BusTest, main


class TopicTest(BusTest):
    def test_records_come_back_byte_for_byte(self):
        topic = self.topic(partitions=3)
        sent = [
            {"key": "shop.Product:1", "value": {"pk": 1}, "timestamp": 1795341600123,
             "headers": [("a", b"\xff\x00"), ("a", "again"), ("none", None)]},
            {"key": b"\xfe\x00", "value": "caf\u00e9 \U0001f375", "headers": {"h": ""}},
            {"key": None, "value": None},
            {"key": "", "value": ""},
        ]
        self.assertEqual(self.topics.produce(topic, sent, partition=1), 4)
        records = self.topics.consume(topic)
        self.assertEqual([r.key for r in records], [b"shop.Product:1", b"\xfe\x00", None, b""])
        self.assertEqual([r.value for r in records],
                         [b'{"pk":1}', "caf\u00e9 \U0001f375".encode(), None, b""])
        self.assertEqual(records[0].headers,
                         [("a", b"\xff\x00"), ("a", b"again"), ("none", None)])
        self.assertEqual(records[1].headers, [("h", b"")])
        self.assertEqual(records[0].timestamp, 1795341600123)
        self.assertEqual([(r.partition, r.offset) for r in records], [(1, i) for i in range(4)])

    def test_generated_records_and_their_offsets(self):
        topic = self.topic(partitions=2)
        self.topics.generate(topic, 5000, '{"pk":{i},"shelf":{i%3}}', key="p:{i}", pad=100)
        records = self.topics.consume(topic)
        self.assertEqual(len(records), 5000)
        self.assertEqual({len(r.value) for r in records}, {100})
        self.assertIn((b"p:4999", b'{"pk":4999,"shelf":1}'),
                      {(r.key, r.value.rstrip()) for r in records})
        self.assertEqual(self.topics.lag(topic, "nobody"), 5000)
        self.assertEqual({row.committed for row in self.topics.offsets(topic, "nobody")}, {None})
        self.topics.trim(topic, 0, 10)
        self.assertEqual(self.topics.offsets(topic, "nobody")[0].low, 10)

    def test_a_missing_topic_is_a_failure(self):
        with self.assertRaisesRegex(process.Failed, "no such topic"):
            self.topics.consume("no-such-topic")


class RedisTest(BusTest):
    def test_it_is_the_server_that_was_started(self):
        redis = self.redis()
        self.assertEqual(redis.info("server", "process_id"), str(redis.child.pid))
        self.assertEqual(redis.cmd("SET", "a", b"\xff"), "OK")
        self.assertEqual(redis.cmd("GET", "a"), b"\xff")
        with self.assertRaises(RedisError):
            redis.cmd("LPUSH", "a", "b")

    def test_an_append_only_file_survives_kill_9(self):
        redis = self.redis(appendonly="yes", appendfsync="always")
        port = redis.port
        redis.fill("k:%d" % i for i in range(1000))
        redis.kill()
        redis.start()
        self.assertEqual(redis.port, port)
        self.assertEqual(redis.cmd("DBSIZE"), 1000)

    def test_a_port_that_was_taken_is_noticed(self):
        first = self.redis()
        second = self.redis(start=False)
        second.port = first.port
        with self.assertRaisesRegex(process.Failed, "redis ended with"):
            second.start()

    def test_what_is_waited_for_is_named(self):
        with self.assertRaisesRegex(process.Failed, "within 0.1 s: pigs fly"):
            process.wait_until(lambda: False, 0.1, "pigs fly")


class TextTest(unittest.TestCase):
    def test_metrics_are_read(self):
        text = ('# HELP a x\n# TYPE a counter\na 1\nb{model="shop.Product",op="up\\"d"} 2.5\n'
                'b{le="+Inf"} 3 1795341600123\n')
        self.assertEqual(parse_metrics(text), {
            "a": [({}, 1.0)],
            "b": [({"model": "shop.Product", "op": 'up\\"d'}, 2.5), ({"le": "+Inf"}, 3.0)]})
        with self.assertRaises(process.Failed):
            parse_metrics("not a metric at all !\n")

    def test_comparing_a_case(self):
        self.assertEqual(cases.compare({"a": [1]}, {"a": [1], "b": 2}, ""), [])
        self.assertEqual(len(cases.compare({"a": [1], "c": 0}, {"a": [1, 2]}, "")), 2)
        self.assertEqual(len(cases.compare(1, True, "")), 1)
        self.assertEqual(len(cases.compare("1", 1, "")), 1)


if __name__ == "__main__":
    main()
