"""`unstale emit`: everything is checked before anything is sent."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import rules_file, unstale
from lib.suite import BusTest, main

GOOD = [{"event": "post_save", "model": "shop.Product", "pk": pk, "created": False}
        for pk in (42, "x:1", 7)]


class EmitTest(BusTest):
    def setUp(self):
        super().setUp()
        self.events = self.topic(dead_letters=False)

    def emit(self, text, *arguments, **env):
        settings = {"UNSTALE_KAFKA_BROKERS": self.broker.brokers,
                    "UNSTALE_KAFKA_TOPICS": self.events}
        settings.update(env)
        return unstale("emit", *(arguments or ["-"]), input=text, env=settings, timeout=90)

    def sent(self):
        return self.topics.consume(self.events)

    def check_sent(self):
        records = self.sent()
        self.assertEqual([r.key for r in records],
                         [b"shop.Product:42", b"shop.Product:x:1", b"shop.Product:7"])
        self.assertEqual([json.loads(r.value) for r in records], GOOD)

    def test_json_lines_from_standard_input(self):
        code, out, err = self.emit("".join(json.dumps(event) + "\n" for event in GOOD))
        self.assertEqual(code, 0, out + err)
        self.assertEqual(len((out + err).strip().splitlines()), 1, out + err)
        self.assertIn("3", out + err)
        self.check_sent()

    def test_an_array_from_a_file(self):
        path = rules_file(json.dumps(GOOD, indent=2),
                          os.path.join(process.private_folder("events"), "events.json"))
        code, out, err = self.emit(None, path)
        self.assertEqual(code, 0, out + err)
        self.check_sent()

    def test_one_bad_line_and_nothing_is_sent(self):
        lines = [json.dumps(event) for event in GOOD]
        for bad, column in (('{"event":"post_save","model":"shop.Product"}', None),
                            ('{"event":"post_save","model":42,"pk":1}', 30),
                            ('{"event":"post_save",}', 21), ("not json", 1)):
            with self.subTest(bad=bad):
                code, out, err = self.emit("\n".join(lines[:1] + [bad] + lines[1:]) + "\n")
                self.assertEqual(code, 1, out + err)
                self.assertRegex(err, r":2:%s" % (column or r"\d+"))
                self.assertEqual(self.sent(), [])

    def test_every_bad_line_is_named(self):
        code, out, err = self.emit("nonsense\n%s\n{}\n" % json.dumps(GOOD[0]))
        self.assertEqual(code, 1, out + err)
        self.assertRegex(err, r":1:\d+")
        self.assertRegex(err, r":3:\d+")

    def test_bad_lines_may_be_skipped(self):
        lines = [json.dumps(event) for event in GOOD]
        code, out, err = self.emit("\n".join(lines[:2] + ["not json"] + lines[2:]) + "\n",
                                   "--skip-invalid", "-")
        self.assertEqual(code, 1, out + err)
        self.check_sent()

    def test_nobody_there(self):
        code, out, err = self.emit(json.dumps(GOOD[0]) + "\n", "-",
                                   UNSTALE_KAFKA_BROKERS="127.0.0.1:%d" % process.free_port())
        self.assertEqual(code, 4, out + err)

    def test_a_topic_that_is_missing(self):
        code, out, err = self.emit(json.dumps(GOOD[0]) + "\n", "-",
                                   UNSTALE_KAFKA_TOPICS=self.events + ".missing")
        self.assertNotEqual(code, 0, out + err)
        self.assertIn("--create-topics", err)

    def test_a_file_that_is_missing(self):
        code, out, err = self.emit(None, "no-such-file.jsonl")
        self.assertEqual(code, 2, out + err)
        self.assertIn("no-such-file.jsonl", err)


if __name__ == "__main__":
    main()
